"""The OpenAI Videos API (`/v1/videos`), as its own SDK speaks it; `PROFILES` as known servers want it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import starmap
from types import MappingProxyType
from typing import assert_never

import orjson

from providers.adapter import FormPart, HttpRequest, HttpResponse, PolledPage, Profile
from providers.canonical import (
    Accepted,
    Failure,
    ImageFile,
    ImageUrl,
    ListedPage,
    ListPolling,
    Reason,
    Running,
    Stage,
    Succeeded,
    Variant,
    VideoRequest,
)
from providers.complaints import complaint
from providers.listing import read_list, read_polled
from providers.places import Paths, paths
from providers.plausibility import JOBS_OF_A_PAGE
from providers.reading import read_created, read_job
from providers.rules import RULES, Rule, rule
from providers.segments import path_segment
from providers.webhooks import job_of_event

PATH = "/v1/videos"
EVERY_VARIANT: frozenset[Variant] = frozenset({"video", "thumbnail", "spritesheet"})
ONLY_THE_VIDEO: frozenset[Variant] = frozenset({"video"})


class LinkForm(StrEnum):
    """How a server takes the link to an image that it shall fetch by itself."""

    OBJECT = "object"
    TEXT = "text"
    IMAGE_REFERENCE = "image_reference"
    REFERENCE_URL = "reference_url"


@dataclass(frozen=True, slots=True)
class Speaker:
    """The adapter, with one kind of server's habits.

    `link_form` None takes an image's bytes only. `rules` come before the shared ones, `job_rules` only where a job is
    read. `advice` is said to whoever meets one of its machine codes (in lower case) in a refused create.
    """

    link_form: LinkForm | None = LinkForm.OBJECT
    variants: frozenset[Variant] = EVERY_VARIANT
    rules: tuple[Rule, ...] = ()
    job_rules: tuple[Rule, ...] = ()
    advice: Mapping[str, str] = field(default_factory=dict)

    def unsupported(self, video: VideoRequest, model: str) -> str | None:  # noqa: ARG002 - the protocol's signature
        """Why this dialect cannot say `video`, or None.

        It has no word for watermarks. True means that one may be there, so any answer fits; False asks for a promise.
        """
        if len(video.images) > 1:
            return f"this dialect takes one input image, not {len(video.images)}; send one"
        if self.link_form is None and any(isinstance(image, ImageUrl) for image in video.images):
            return "this server takes an input image's bytes, not a link to it; send the image as a file"
        if video.watermark is False:
            return "this dialect cannot promise a video without watermark; leave `watermark` out or set it to true"
        return None

    def submit_request(self, video: VideoRequest, model: str) -> HttpRequest:
        """Build the create: multipart, as every server takes it; JSON only where an image's link demands it."""
        texts = {"prompt": video.prompt, "model": model, "seconds": str(video.seconds), "size": str(video.size)}
        match video.images:
            case (ImageUrl(url), *_):
                return self._with_link(texts, url)
            case (ImageFile() as image, *_):
                return _form(texts, FormPart("input_reference", image.data, image.file_name, image.media_type))
            case _:
                return _form(texts)

    def _with_link(self, texts: Mapping[str, str], url: str) -> HttpRequest:
        match self.link_form:
            case LinkForm.OBJECT:
                return HttpRequest("POST", PATH, json={**texts, "input_reference": {"image_url": url}})
            case LinkForm.TEXT:
                return HttpRequest("POST", PATH, json={**texts, "input_reference": url})
            case LinkForm.IMAGE_REFERENCE:
                reference = orjson.dumps({"image_url": url}).decode()
                return _form({**texts, "image_reference": reference})
            case LinkForm.REFERENCE_URL:
                return _form({**texts, "reference_url": url})
            case None:
                raise ValueError("a link was to be sent to a server that takes none; ask `unsupported` first")
            case _:
                assert_never(self.link_form)

    def read_submit(self, response: HttpResponse) -> Accepted | Failure:
        """Read a create's answer."""
        reading = read_created(response, rules=self.rules + RULES)
        if isinstance(reading, Failure) and (advice := self.advice.get((reading.code or "").casefold())):
            return replace(reading, message=f"{complaint(response.document()).message} ({advice})")
        return reading

    def poll_request(self, remote_id: str) -> HttpRequest:
        """Ask for the Video object."""
        return HttpRequest("GET", _path_of(remote_id))

    def read_poll(self, response: HttpResponse) -> Running | Succeeded | Failure:
        """Read a Video object; `completed` needs no link, because the content endpoint has the bytes."""
        return read_job(response, rules=self.job_rules + self.rules + RULES)

    def content_request(self, remote_id: str, done: Succeeded, variant: Variant = "video") -> HttpRequest | None:
        """Fetch the link the job named, else the content endpoint.

        The variant is left out for the video itself: SGLang answers 404 to `variant=video`.
        """
        if variant not in self.variants:
            return None
        if variant == "video" and done.url is not None:
            return HttpRequest("GET", done.url)
        query = {} if variant == "video" else {"variant": variant}
        return HttpRequest("GET", f"{_path_of(remote_id)}/content", query=query)


@dataclass(frozen=True, slots=True)
class ListingSpeaker(Speaker):
    """One that lists its jobs, with `reference_paths` where it repeats a word of ours beside one.

    `list_polling` is what is known of its list: that each entry is the very object that a poll of the job shows.
    """

    reference_paths: Paths = ()
    list_polling: ListPolling = ListPolling.OFF

    def lookup_request(self, cursor: str | None) -> HttpRequest:
        """Ask for the newest jobs, or for those made before the one that `cursor` names."""
        return self.polls_request(cursor, JOBS_OF_A_PAGE)

    def read_lookup(self, response: HttpResponse) -> ListedPage | Failure:
        """Read a list of Video objects."""
        return read_list(response, self.reference_paths, self.rules + RULES)

    def polls_request(self, cursor: str | None, limit: int) -> HttpRequest:
        """Ask for at most `limit` of the same list."""
        query = {"limit": str(limit), "order": "desc"}
        return HttpRequest("GET", PATH, query=query if cursor is None else {**query, "after": cursor})

    def read_polls(self, response: HttpResponse) -> PolledPage | Failure:
        """Read a list of Video objects as so many polls."""
        return read_polled(response, self.rules + RULES)


@dataclass(frozen=True, slots=True)
class CancellingSpeaker(ListingSpeaker):
    """One whose DELETE also ends a job that runs; OpenAI's own only takes jobs that have ended."""

    def cancel_request(self, remote_id: str) -> HttpRequest:
        """Delete the job."""
        return HttpRequest("DELETE", _path_of(remote_id))


@dataclass(frozen=True, slots=True)
class ReferencingSpeaker(CancellingSpeaker):
    """One that keeps `metadata` and the job itself, and knows a create that is sent twice by its Idempotency-Key."""

    def referenced(self, request: HttpRequest, reference: str) -> HttpRequest:
        """Name our attempt in the job's metadata."""
        headers = {**request.headers, "Idempotency-Key": reference}
        if request.json is None:
            return replace(request, headers=headers, form=(*request.form, FormPart("metadata[attempt]", reference)))
        return replace(request, headers=headers, json={**request.json, "metadata": {"attempt": reference}})

    def poll_request(self, remote_id: str) -> HttpRequest:
        """Ask for the Video object, also of a job that was cancelled."""
        return replace(CancellingSpeaker.poll_request(self, remote_id), query={"include": "deleted"})


def _form(texts: Mapping[str, str], *files: FormPart) -> HttpRequest:
    return HttpRequest("POST", PATH, form=(*starmap(FormPart, texts.items()), *files))


def _path_of(remote_id: str) -> str:
    return f"{PATH}/{path_segment(remote_id)}"


# developers.openai.com/api/reference, "List videos" and "Delete video".
PLAIN = ListingSpeaker()
unsupported = PLAIN.unsupported
submit_request = PLAIN.submit_request
read_submit = PLAIN.read_submit
poll_request = PLAIN.poll_request
read_poll = PLAIN.read_poll
content_request = PLAIN.content_request
lookup_request = PLAIN.lookup_request
read_lookup = PLAIN.read_lookup
polls_request = PLAIN.polls_request
read_polls = PLAIN.read_polls
list_polling = PLAIN.list_polling
# developers.openai.com/api/docs/guides/webhooks; `video.completed` and `video.failed` are types of its endpoints.
read_webhook = job_of_event

# relay/common/relay_info.go: `input_reference` is a Go string, so an object is answered 400; controller/video_proxy.go
# has no variants and would answer each with the video; router/video-router.go has neither a list nor a DELETE.
NEW_API = Speaker(link_form=LinkForm.TEXT, variants=ONLY_THE_VIDEO)

# entrypoints/openai/api_server.py and video/generation/helpers.py: forms only, `input_reference` is a file and a link
# stands in `image_reference`; the content endpoint ignores `variant`; a failed job's code is an HTTP status, and one of
# these blames the request; the list repeats the prompt and shows the stored object that a poll shows, except for that
# code; a DELETE cancels what runs.
VLLM_OMNI = CancellingSpeaker(
    link_form=LinkForm.IMAGE_REFERENCE,
    variants=ONLY_THE_VIDEO,
    list_polling=ListPolling.TRUSTED,
    job_rules=(rule(Reason.INVALID, codes="400 404 413 415 422"),),
)

# multimodal_gen/runtime/entrypoints/openai/video_api.py: a link stands in `reference_url`; variants are indices, and
# any other word is answered 404; the list shows the stored object that a poll shows and does not say whether it goes
# on; a DELETE forgets a job that goes on running.
SGLANG = ListingSpeaker(link_form=LinkForm.REFERENCE_URL, variants=ONLY_THE_VIDEO, list_polling=ListPolling.TRUSTED)

# litellm/llms/openai/videos/transformation.py forwards `input_reference` as a file whatever it is, and
# proxy/video_endpoints/endpoints.py drops `variant`, and lists one upstream's jobs only, by ids that need not be those
# of its creates, which hold the deployment: what it lists proves nothing. The words are those of exceptions.py,
# router.py and proxy/_types.py.
LITELLM = Speaker(
    link_form=None,
    variants=ONLY_THE_VIDEO,
    rules=(
        rule(Reason.REFUSED, phrases=("ContentPolicyViolationError",)),
        rule(
            Reason.BALANCE,
            codes="budget_exceeded",
            phrases=("budget has been exceeded", "ExceededBudget:", "no deployments available - crossed budget"),
        ),
        rule(Reason.OVERLOADED, phrases=("no deployments available", "no healthy deployment available")),
    ),
)

# learn.microsoft.com, "Video generation with Sora" (`input_reference` is a file; the v1 API, and so its list, follows
# OpenAI's) and "Content filtering".
AZURE = ListingSpeaker(
    link_form=None,
    rules=(
        rule(
            Reason.REFUSED,
            Stage.PROMPT_REVIEW,
            codes="responsibleaipolicyviolation",
            phrases=("content management policy",),
        ),
    ),
    advice=MappingProxyType(
        {
            "deploymentnotfound": "check `upstream_model`: on Azure it is the name of your deployment",
            "404": "check base_url, which on Azure ends in /openai, and the api-version in `query`",
        }
    ),
)

# Another router of this kind: it repeats the prompt and the metadata, its DELETE cancels what has not ended, and what
# became of that is told to who asks for deleted jobs, too. Its list is made of the objects that polls show.
VIDEO_ROUTER = ReferencingSpeaker(reference_paths=paths("metadata.attempt"), list_polling=ListPolling.TRUSTED)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "new-api": Profile(NEW_API),
        "vllm-omni": Profile(VLLM_OMNI),
        "sglang": Profile(SGLANG),
        "litellm": Profile(LITELLM),
        "azure": Profile(AZURE, auth_header="api-key", auth_prefix="", query={"api-version": "preview"}),
        "video-router": Profile(VIDEO_ROUTER),
    }
)
