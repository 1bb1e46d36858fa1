"""What an earlier build of the same program settled is used again, up to the first row that may differ.

The rows of a combination are final once every row before is: they are a function of the program and of the completions
of the rows up to there. So a prefix of them stands for as long as the program is the same and its completions are in
the store. Everything that the work on a combination changes elsewhere is noted with it: the completions it used, what
was counted, the digests of its first requests, its verdicts.
"""
