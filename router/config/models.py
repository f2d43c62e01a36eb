"""What callers may ask for: groups of models, and what a create means that leaves something out."""

from collections.abc import Mapping, Sequence

from router.config.findings import Findings, mapping, sequence, valid
from router.config.problems import choice, shortened
from router.config.schema import DefaultsSection
from router.config.selling import Assortment
from router.core.limits import RequestDefaults

Groups = Mapping[str, tuple[str, ...]]


def groups_of(root: Mapping[str, object], sold: Sequence[Assortment], findings: Findings) -> Groups:
    """Return the models of each group, or note which of its words do not mean what they should."""
    written = mapping(root.get("model_groups"))
    models = {each.model for each in sold}
    # What an illegible offering sells is not known.
    all_known = not findings.within("providers")
    groups = {name: tuple(each for each in sequence(value) if isinstance(each, str)) for name, value in written.items()}
    for name, members in groups.items():
        path = ("model_groups", name)
        if name in models:
            findings.error(path, f"{name} is a model that is sold; give the group a name of its own")
        for index, member in enumerate(members):
            if member in models:
                continue
            if member in groups:
                findings.error((*path, index), f"{member} is a group; list its models instead")
            elif all_known:
                message = f"{shortened(member)} is not sold; {choice(member, models, 'models')}"
                findings.error((*path, index), message)
    return groups


def defaults_of(
    root: Mapping[str, object], sold: Sequence[Assortment], groups: Groups, findings: Findings
) -> RequestDefaults | None:
    """Return what a create that leaves things out asks for, or note that nobody sells it.

    A group is as good as its models: its length and size are those of the first, and one of them has to be sold so.
    """
    section = valid(DefaultsSection, root.get("defaults", {}))
    model = section.model or _first_model(root) if section else None
    if section is None or model is None or not sold:
        return None
    selling = [each for member in groups.get(model, (model,)) for each in sold if each.model == member]
    if findings.within("providers") or (model in groups and findings.within("model_groups")):
        _check_legible(section, model, selling, findings)
        return None
    if not selling:
        names = {each.model for each in sold} | set(groups)
        findings.error(("defaults", "model"), f"{shortened(model)} is not sold; {choice(model, names, 'models')}")
        return None
    defaults = RequestDefaults(
        model,
        selling[0].seconds[0] if section.seconds is None else section.seconds,
        selling[0].sizes[0] if section.size is None else section.size,
    )
    if any(defaults.size in each.sizes and defaults.seconds in each.seconds for each in selling):
        return defaults
    message = f"nobody sells {model} at {defaults.size} for {defaults.seconds} s; on sale: {_listed(selling)}"
    findings.error(("defaults",), message)
    return None


def _first_model(root: Mapping[str, object]) -> str | None:
    for provider in mapping(root.get("providers")).values():
        for offering in sequence(mapping(provider).get("offerings")):
            model = mapping(offering).get("model")
            return model if isinstance(model, str) else None
    return None


def _check_legible(section: DefaultsSection, model: str, selling: Sequence[Assortment], findings: Findings) -> None:
    """Compare the defaults with the offerings that can be read while others, or their providers, have errors.

    Only what is written is compared: what is left out comes from the first offering, which may be an illegible one.
    """
    wanted = [f"at {section.size}"] if section.size is not None else []
    wanted += [f"for {section.seconds} s"] if section.seconds is not None else []
    if not selling or any(
        section.size in (None, *each.sizes) and section.seconds in (None, *each.seconds) for each in selling
    ):
        return
    message = f"nothing legible in `providers` sells {model} {' '.join(wanted)}; on sale: {_listed(selling)}"
    findings.error(("defaults",), message)


def _listed(selling: Sequence[Assortment]) -> str:
    return "; ".join(map(str, selling[:6]))
