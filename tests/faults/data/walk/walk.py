"""Walkers on a line."""

import mesa


class Walker(mesa.Agent):
    """Goes a step to the left or to the right."""

    def __init__(self, model):
        super().__init__(model)
        self.place = 0

    def step(self):
        """Go one step."""
        self.place += self.random.choice([-1, 1])


class Walk(mesa.Model):
    """Some walkers, looked at after each step."""

    def __init__(self, walkers=2, seed=None):
        super().__init__(seed=seed)
        Walker.create_agents(self, walkers)
        self.datacollector = mesa.DataCollector(agent_reporters={"place": "place"})

    def step(self):
        """All go one step."""
        self.agents.shuffle_do("step")
        self.datacollector.collect(self)
