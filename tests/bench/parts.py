"""The parts of the benchmark in the order in which they run. Another one is another line here."""

from typing import Final

from tests.bench import content, deciding, inflight, jobs, pacing_report, requests, scraping, starting
from tests.bench.part import Part

PARTS: Final = (
    Part("start", "Being there", starting.measure, alone=False),
    Part("content", "Content", content.measure, alone=False),
    Part("jobs", "A whole job", jobs.measure, alone=False),
    Part("requests", "Requests", requests.measure, alone=False),
    Part("inflight", "Many jobs in flight", inflight.measure),
    Part("scrapes", "A scrape of everything", scraping.measure),
    Part("decisions", "A routing decision", deciding.measure),
    Part("pacing", "When jobs are polled", pacing_report.measure),
)
