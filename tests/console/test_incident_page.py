"""The page of an incident: one file that tells everything, loads nothing, and takes no word of others for its own."""

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path

from pointsman.cli.telling import lines
from pointsman.console.incident import incident_page
from pointsman.core.explaining import FlowStory
from pointsman.core.incidents import Ask, Incident, Letter, Moment, Severity, Ticket
from pointsman.core.values import replace
from pointsman.service.explain import Asked, Explanation, explain
from tests.service.test_penalties import explained, flapped

VOID = {"meta"}
HOSTILE = "<script>fetch('//example.com')</script>\"'&"
UNPRINTED = "PM-1\x1b[31m\u202e\x00"


class Reader(HTMLParser):
    """Reads a page: its elements, its words, and whether all that was opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.given: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.given += attrs
        if tag not in VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.given += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def an_outage(tmp_path: Path) -> Explanation:
    table, story = flapped(tmp_path, 4)
    incident = Incident(
        id="atlas/ix-a@2",
        fabric="atlas",
        link=story.fabric.links[0].name,
        epoch=2,
        opened_at=story.plan.decided_at,
        severity=Severity.ERROR,
        timeline=(Moment(at=story.plan.decided_at, epoch=2, text="ix-a is down; both probes lose packets over this link"),),
        tickets=(Ticket(desk="noc", reference="PM-1"),),
        outbox=(Letter(serial=0, desk="pager", ask=Ask.OPEN, severity=Severity.ERROR, summary="ix-a is down", attempts=3),),
        by_hand=("old-desk",),
    )
    return replace(explained(table), incident=incident)


def test_the_page_tells_what_happened_why_who_was_told_and_what_the_failures_count_for(tmp_path: Path) -> None:
    page = Reader(incident_page(an_outage(tmp_path)))
    assert page.open == []
    for told in (
        "atlas/ix-a@2",
        "error , open, from",
        "both probes lose packets over this link",
        "Ticket at noc: PM-1, open",
        "Not told yet: open to pager, tried 3 times",
        "Desk old-desk is no longer in the fabric: close its ticket by hand",
        "ix-a is down since",
        "forwarding",
        "It returns after: both ends have to show packets passing",
        "checkout is on",
        "penalty of ix-a:",
    ):
        assert told in page.text, told
    assert (page.names.count("polyline"), page.names.count("circle")) == (1, 4)


def test_no_word_of_others_becomes_part_of_the_page(tmp_path: Path) -> None:
    found = an_outage(tmp_path)
    assert found.incident is not None
    moment = replace(found.incident.timeline[0], text=HOSTILE)
    ticket = Ticket(desk=HOSTILE, reference=HOSTILE)
    hostile = replace(
        found,
        incident=replace(found.incident, id=HOSTILE, timeline=(moment,), tickets=(ticket,), by_hand=(HOSTILE,)),
        links=(replace(found.links[0], because=HOSTILE, rails=(HOSTILE,)),),
        flows=(FlowStory(flow=HOSTILE, link=None, because=HOSTILE, refused={HOSTILE: HOSTILE}),),
        doubts=(HOSTILE,),
        changed=(HOSTILE,),
    )
    plain, page = Reader(incident_page(found)), Reader(incident_page(hostile))
    assert set(page.names) <= set(plain.names) | {"ul", "li"}
    assert "script" not in page.names
    assert page.text.count(HOSTILE) >= 12
    assert page.open == []


def test_the_page_loads_nothing_from_anywhere(tmp_path: Path) -> None:
    text = incident_page(an_outage(tmp_path))
    page = Reader(text)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.given
    assert not {name for name, _ in page.given} & {"src", "href", "srcset", "action", "onclick", "onload"}
    assert re.findall(r"https?://\S+", text) == ['http://www.w3.org/2000/svg"'] * text.count("<svg ")
    assert "url(" not in text
    assert "@import" not in text


def test_links_and_flows_without_an_incident_have_a_page_too_and_so_has_a_table_without_a_plan(tmp_path: Path) -> None:
    table, _ = flapped(tmp_path, 0)
    page = Reader(incident_page(asyncio.run(explain(table, Asked(links=("ix-a",), flows=("checkout",))))))
    assert "ix-a is up" in page.text
    assert "svg" not in page.names
    assert "What happened" not in page.text
    assert "No plan is agreed yet" in Reader(incident_page(Explanation(fabric="atlas"))).text


def test_what_is_not_printed_reaches_neither_a_page_nor_a_terminal(tmp_path: Path) -> None:
    found = an_outage(tmp_path)
    assert found.incident is not None
    moment = replace(found.incident.timeline[0], text=UNPRINTED)
    told = replace(found, incident=replace(found.incident, timeline=(moment,), tickets=(Ticket(desk="noc", reference=UNPRINTED),)))
    for text in (incident_page(told), "\n".join(lines(told))):
        assert "PM-1 [31m" in text
        assert all(sign.isprintable() or sign == "\n" for sign in text)
