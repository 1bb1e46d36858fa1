"""Common given names of several languages: enough to tell a column of people's names from one of things."""

GIVEN_NAMES = frozenset(
    """
    james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony
    mark donald steven paul andrew joshua kenneth kevin brian george edward ronald timothy jason jeffrey ryan
    jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory frank alexander
    raymond patrick jack dennis jerry tyler aaron jose adam nathan henry douglas zachary peter kyle walter ethan
    jeremy harold keith christian roger noah gerald carl terry sean austin arthur lawrence jesse dylan bryan joe
    jordan billy bruce albert willie gabriel logan alan juan wayne roy ralph randy eugene vincent russell elijah
    louis bobby philip johnny mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa
    nancy betty margaret sandra ashley kimberly emily donna michelle carol amanda dorothy melissa deborah
    stephanie rebecca sharon laura cynthia kathleen amy angela shirley anna brenda pamela emma nicole helen
    samantha katherine christine debra rachel carolyn janet catherine maria heather diane ruth julie olivia
    joyce virginia victoria kelly lauren christina joan evelyn judith megan andrea cheryl hannah jacqueline
    martha gloria teresa ann sara madison frances kathryn janice jean abigail alice julia judy sophia grace
    denise amber doris marilyn danielle beverly isabella theresa diana natalie brittany charlotte marie kayla
    alexis lori carlos luis jorge miguel pedro manuel antonio francisco jesus javier alejandro fernando sergio
    pablo rafael alberto diego ramon enrique angel andres ivan raul ruben oscar lucia carmen ana isabel pilar
    rosa dolores cristina elena marta paula silvia raquel beatriz mercedes alicia sofia daniela valentina camila
    gabriela mariana natalia pierre michel jacques philippe alain bernard nicolas laurent olivier francois
    christophe frederic sebastien julien mathieu guillaume antoine etienne monique sylvie nathalie isabelle
    francoise valerie sandrine celine aurelie camille manon chloe lea ines hans klaus wolfgang jurgen juergen
    jürgen dieter manfred uwe stefan stephan andreas thorsten torsten matthias sebastian florian tobias jan
    lukas leon felix maximilian moritz jonas ursula sabine petra monika renate karin birgit heike gabriele
    susanne claudia katrin anja lena mia johanna franziska giuseppe giovanni mario luigi angelo vincenzo pietro
    salvatore carlo franco domenico bruno paolo marco francesca giulia chiara federica alessandra alessandro
    luca matteo lorenzo davide simone giorgia joao paulo ricardo rui tiago luiz marcos eduardo felipe rodrigo
    fernanda juliana adriana aline vanessa leticia larissa mohamed mohammed muhammad ahmed ali omar hassan
    hussein ibrahim youssef fatima aisha mariam layla zainab khadija amina dmitri dmitry sergei sergey alexei
    alexey nikolai vladimir mikhail andrei olga tatiana natasha svetlana irina ekaterina anastasia yelena wei li
    ming jun hui yan ying xin hiroshi takashi kenji yuki akira haruto sakura yoko keiko min-jun ji-woo raj rahul
    amit vijay sanjay arjun rohan priya anjali neha pooja sunita deepak ravi suresh ramesh anil anders lars erik
    karl johan per nils bjorn sven ingrid astrid freya sigrid anna-karin piotr krzysztof andrzej tomasz pawel
    agnieszka katarzyna malgorzata magdalena willem pieter johannes cornelis henk kees sanne femke ada kwame
    kofi chidi ngozi amara abiodun emeka zanele thabo
    """.split()
)
