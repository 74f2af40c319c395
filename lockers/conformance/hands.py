"""What only somebody at the cabinet can do: hands for doors, mains, clock, network, scanner and screen.

An act is done by a simulated cabinet's control interface, by a command of the shell, by the cabinet's own
screen API, or by the person who is asked for it. Where nobody can, the rules that need it are not tried.
"""

import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import segno

Act = Literal[
    "push_shut",  # door
    "cut_power",
    "give_power",
    "set_clock",  # seconds that the device's clock shall be ahead; 0 is right
    "cut_mqtt",
    "give_mqtt",
    "scan",  # the text of a QR code
    "present",  # a courier's sealed token, and nothing more
    "leave",  # token, allocation, damaged: the whole drop
    "take_out",  # token, allocation: the whole recall
]
Acts = Mapping[Act, Callable[..., object]]
SHELL_S = 120.0


class NotTried(Exception):
    """Nothing here can bring the rule about; the text says what is missing."""


@dataclass
class Hands:
    acts: dict[Act, Callable[..., object]] = field(default_factory=dict)

    def __call__(self, act: Act, *about: Any) -> None:
        """Raises NotTried."""
        self.needs(act)
        self.acts[act](*about)

    def needs(self, *acts: Act) -> None:
        """Raises NotTried before anything is moved."""
        missing = [act for act in acts if act not in self.acts]
        if missing:
            raise NotTried(f"nobody can {' or '.join(missing).replace('_', ' ')}")


def by_control(url: str, device: str) -> Acts:
    """A simulated cabinet's physical world. `url` is that of its process."""

    def post(path: str, **body: Any) -> None:
        answer = httpx.post(f"{url}/cabinets/{device}/{path}", json=body, trust_env=False, timeout=30)
        if answer.status_code == 409:
            raise NotTried(f"the simulated cabinet refuses: {answer.json()['code']}")
        answer.raise_for_status()

    return {
        "push_shut": lambda door: post(f"doors/{door}/shut"),
        "cut_power": lambda: post("fault", fault="power_cut", on=True),
        "give_power": lambda: post("fault", fault="power_cut", on=False),
        "set_clock": lambda seconds: post("fault", fault="clock_skew", on=seconds != 0, seconds=seconds),
        "cut_mqtt": lambda: post("fault", fault="mqtt_away", on=True),
        "give_mqtt": lambda: post("fault", fault="mqtt_away", on=False),
    }


def by_screen(url: str, secret: str, push_shut: Callable[[int], object]) -> Acts:
    """The cabinet's own screen API. A refusal is an answer: the rules judge what the device says."""

    def post(path: str, **body: Any) -> dict[str, Any]:
        shown = {"Authorization": f"Bearer {secret}"}
        answer = httpx.post(f"{url}/{path}", json=body, headers=shown, trust_env=False, timeout=30)
        if answer.status_code != 409:
            answer.raise_for_status()
        return dict(answer.json())

    def leave(token: str, allocation: str, damaged: bool) -> None:
        tx = post("courier", token=token).get("tx")
        opened = post("drop", tx=tx, allocation=allocation, damaged=damaged)
        if "door" in opened:
            push_shut(opened["door"])
            post("confirm", tx=tx, allocation=allocation)

    def take_out(token: str, allocation: str) -> None:
        opened = post("recall", tx=post("courier", token=token).get("tx"), allocation=allocation)
        if "door" in opened:
            push_shut(opened["door"])

    return {
        "scan": lambda text: post("qr", token=text),
        "present": lambda token: post("courier", token=token),
        "leave": leave,
        "take_out": take_out,
    }


def by_shell(commands: Mapping[Act, str]) -> Acts:
    """`{door}` and `{seconds}` in a command stand for what the act is about."""

    def act(command: str, name: str) -> Callable[..., object]:
        def run(*about: object) -> None:
            filled = command.format(**dict(zip([name], about, strict=False)))
            subprocess.run(shlex.split(filled), check=True, timeout=SHELL_S)

        return run

    named = {"push_shut": "door", "set_clock": "seconds"}
    return {name: act(command, named.get(name, "")) for name, command in commands.items()}


def by_asking(folder: Path, ask: Callable[[str], object] = input) -> Acts:
    """A person at the cabinet, who says when it is done. QR codes and tokens lie in `folder` as pictures."""

    def shown(text: str, name: str) -> Path:
        path = folder / f"{name}.png"
        segno.make_qr(text).save(str(path), scale=6)
        return path

    def leave(token: str, allocation: str, damaged: bool) -> None:
        how = "say that it is DAMAGED" if damaged else "lay something in, push the door shut, confirm"
        ask(f"Show the courier's token {shown(token, 'token')}; leave {allocation}: {how}. ")

    return {
        "push_shut": lambda door: print(f"      push door {door} shut", flush=True),
        "cut_power": lambda: ask("Cut the cabinet's power. "),
        "give_power": lambda: ask("Give the power back. "),
        "set_clock": lambda seconds: ask(f"Set the cabinet's clock {seconds} s ahead of the right time. "),
        "cut_mqtt": lambda: ask("Stop the MQTT broker. "),
        "give_mqtt": lambda: ask("Start the MQTT broker. "),
        "scan": lambda text: ask(f"Scan {shown(text, 'pickup')} at the cabinet. "),
        "present": lambda token: ask(f"Show the courier's token {shown(token, 'token')}. "),
        "leave": leave,
        "take_out": lambda token, allocation: ask(
            f"Show the courier's token {shown(token, 'token')}; take {allocation} out, push the door shut. "
        ),
    }
