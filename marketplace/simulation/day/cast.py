"""Everybody who acts during the day: who they are in the world, signed in when they first act."""

import asyncio
from typing import Any

from marketplace.simulation.day.api import Api, NotSignedIn
from marketplace.simulation.worlds import World
from marketplace.simulation.worlds.nouns import User


class Person:
    """One user with a token of his own, fetched by telephone and PIN."""

    def __init__(self, api: Api, user: User, prefix: str) -> None:
        self._api, self._user, self._prefix = api, user, prefix
        self._token: str | None = None
        self._signing_in = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<{self._user.key}>"

    async def ask(self, operation: str, **variables: Any) -> Any:
        """A query, or a mutation that sets an absolute value."""
        for _ in range(2):
            token = await self._signed_in()
            try:
                return await self._api.call(operation, variables, token=token)
            except NotSignedIn:
                if self._token == token:
                    self._token = None
        raise NotSignedIn(f"{operation}: the token does not hold")

    async def do(self, operation: str, key: str, **variables: Any) -> Any:
        """A mutation under a key that this world, person and act always give: done at most once."""
        return await self.ask(operation, key=f"{self._prefix}:{operation}:{key}", **variables)

    async def _signed_in(self) -> str:
        async with self._signing_in:
            if self._token is None:
                answer = await self._api.call(
                    "SignInWithPin", {"phone": self._user.phone, "pin": self._user.pin}
                )
                self._token = answer["token"]
            assert self._token is not None
            return self._token


class Cast:
    """People by the key of their user; the same object for the same key."""

    def __init__(self, api: Api, world: World) -> None:
        self._api, self._world = api, world
        self._people: dict[str, Person] = {}

    def person(self, user_key: str) -> Person:
        if user_key not in self._people:
            prefix = f"day:{self._world.name}:{self._world.seed}"
            self._people[user_key] = Person(self._api, self._world.user[user_key], prefix)
        return self._people[user_key]

    def officer(self, station: str) -> Person:
        return self.person(f"user:officer:{station}")

    def hub_operator(self, hub: str) -> Person:
        return self.person(f"user:hub_operator:{hub}")

    def dispatcher(self, hub: str) -> Person:
        return self.person(f"user:dispatcher:{hub}")

    def courier(self, vehicle: str) -> Person:
        return self.person(f"user:courier:{vehicle}")

    def cabinet_operator(self, county: str) -> Person:
        return self.person(f"user:cabinet_operator:{county}")

    @property
    def platform(self) -> Person:
        return self.person("user:platform")

    @property
    def tester(self) -> Person:
        return self.person("user:tester")
