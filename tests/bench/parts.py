"""The parts of the benchmark in the order in which they run. Another one is another line here."""

from typing import Final

from tests.bench import content, deciding, jobs, requests, scraping, starting
from tests.bench.part import Part

PARTS: Final = (
    Part("start", "Being there", starting.measure),
    Part("content", "Content", content.measure),
    Part("jobs", "A whole job", jobs.measure),
    Part("requests", "Requests, side by side", requests.measure),
    Part("scrapes", "A scrape of everything", scraping.measure),
    Part("decisions", "A routing decision", deciding.measure),
)
