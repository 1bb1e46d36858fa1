"""One request on its way: the endpoint it goes to, how many at once, when it is sent again."""
