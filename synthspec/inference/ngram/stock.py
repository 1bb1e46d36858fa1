"""Sentences to learn from where a spec has no text of its own: neutral, of many lengths; `{}` is a topic."""

from __future__ import annotations

from functools import cache

from synthspec.inference.ngram.reading import SLOT
from synthspec.inference.ngram.tokens import content_word, group, split

FRAMED = """\
The part about {} came up first, and it took longer than planned.
Nobody had expected {} to matter so much at this stage.
When it comes to {}, small details make the difference.
We spoke for a while about {} before moving on.
Most of the questions were about {}, and most of them were fair.
There is a short note on {} at the end of the report.
Two people remembered {} quite differently.
The subject of {} deserves more time than it was given.
In the case of {}, the first impression was the right one.
What was said about {} turned out to be true.
Anyone who has dealt with {} will recognise the problem.
The plan for {} is simple, although it needs some patience.
I had read about {}, but seeing it was another matter.
After a week, {} no longer looked so complicated.
As for {}, the answer depends on whom you ask.
She explained {} in a few words and left the rest to us.
The list begins with {} and ends with a word of thanks.
Without {}, the whole story would be half as long.
They wanted to know more about {}, so we looked it up.
It is hard to talk about {} without giving an example.
"""

PLAIN = """\
The morning was quiet, and the work went better than anyone had hoped.
We met at the corner before nine and walked the rest of the way.
A small change at the start saved a great deal of trouble later.
The room was bright, the table was long, and there was space for everybody.
I asked for a second opinion and was glad that I did.
The answer came by post a few days later, in a plain envelope.
Some of the results were better than last year, and some were not.
He read the page twice, made a note in the margin and passed it on.
It takes about an hour to get there, or a little less when the roads are clear.
She had kept every letter, so it was easy to check the dates.
The first version was too long, so we cut it in half.
There was enough time to go over the figures once more.
Our neighbours lent us a ladder, and the job was done by noon.
The shop on the square closes early, but the market stays open until eight.
Nothing was broken, and only one box had been left behind.
I would do it again, although not in the middle of winter.
The children found the shorter path before we had opened the map.
He promised to call on Friday and called on Thursday instead.
At the end of the day the numbers agreed to the last digit.
The instructions were clear, and the parts fitted at the first attempt.
We changed the order of the steps, and the second try was faster.
Their reply was short, polite and exactly what we needed.
The garden behind the house is small, but it gets the sun until evening.
It was not the best choice, but it was a reasonable one at the time.
The train was late, so we had coffee and talked about the week.
She wrote down three ideas and crossed out two of them.
The old version still works, as long as nobody touches the settings.
We counted everything again in the afternoon and found the missing piece.
The price went up a little, and so did the quality.
A friend recommended the place, and I can see why.
By the time the rain stopped, the last guests were looking for their coats.
He is careful with money and generous with his time.
The team agreed on a date, a budget and a name.
I kept the receipt, which turned out to be a good idea.
You can see the river from the upper floor when the trees are bare.
The second half was more interesting than the first.
Everything was ready before the doors opened.
They repaired the roof in spring and painted the walls in autumn.
There are two ways to do this, and the slower one is safer.
The letter was signed by four people, none of whom we knew.
My sister took the early bus and was home before dark.
We tried the simple solution first, and it was enough.
The meeting ended with a list of questions and a date for the next one.
It rained for most of the week, so the harvest had to wait.
The new chairs are comfortable, and the old ones went to the school.
He had forgotten his keys, but the back door was open.
The report is short, and every figure in it can be checked.
Nobody complained about the food, and the soup was finished first.
She knows the town well and never needs a map.
The water was cold in the morning and warm enough by three.
I have used it every day for a month without any trouble.
The software asks for a name, a date and very little else.
After the break, the discussion went back to the original question.
The bridge is closed this week, so allow a little more time.
We kept half of the old furniture and gave the rest away.
He spoke slowly, chose his words with care and answered every question.
The box was heavier than it looked, but the two of us managed.
A good night's sleep made the problem look much smaller.
The library opens at ten and is rarely full before noon.
They sent the wrong size first and the right one two days later.
Few people noticed the change, which was the point of it.
The light in the hall had been left on all night.
It is a short walk from the station, most of it through the park.
The choice was between a quick answer and a good one.
We planted the tree in the year the house was built.
Her notes were tidy, and the last page held the answer.
The machine makes a low sound when it is nearly done.
Every second Monday the same group meets in the same room.
I was not sure at first, but the second week convinced me.
The map was out of date, and the road had moved.
All of the seats were taken, so we stood at the back.
He thanked everyone, turned off the lights and locked the door.
"""


def stock(framed: bool) -> list[str]:
    """The plain sentences, and the framed ones with SLOT where the topic goes."""
    return ([f.replace("{}", SLOT) for f in FRAMED.splitlines()] if framed else []) + PLAIN.splitlines()


@cache
def stock_words() -> tuple[str, ...]:
    """Single words of the plain sentences that can stand as a label."""
    words = {w for t in split(PLAIN) if (w := content_word(t)) is not None and group(w) == "word"}
    return tuple(sorted(words))
