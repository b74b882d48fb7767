"""CycloneDX 1.6 VEX: how each package's flaws stand on each host, in the words of the analysis states. What nobody decided is in triage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scanner.exports.items import Judged, on_one_line, pretty, stable
from scanner.observations import Unobserved
from scanner.observations.patches import Flaw, Missing, Remaining, Standing

_STATES = {
    Standing.UNPATCHED: ("exploitable", "update", "A fix is published and not installed."),
    Standing.IN_MEMORY: (
        "exploitable",
        "workaround_available",
        "The fix is on the disk; what runs is older and ends with a restart.",
    ),
    Standing.NO_FIX_YET: ("in_triage", "can_not_fix", "The vendor has no fix yet."),
    Standing.WILL_NOT_FIX: ("exploitable", "will_not_fix", "The vendor will not mend it in this release."),
    Standing.UNSUPPORTED: ("exploitable", "can_not_fix", "The vendor no longer mends this package in this release."),
    Standing.UNKNOWN: ("in_triage", "can_not_fix", "The vendor has not decided yet."),
}
_SEVERITIES = {
    "critical": "critical",
    "important": "high",
    "high": "high",
    "moderate": "medium",
    "medium": "medium",
    "low": "low",
}


def as_vex(runs: Sequence[Judged]) -> bytes:
    """The document of these judgements' patches."""
    components: dict[str, dict[str, Any]] = {}
    vulnerabilities: list[dict[str, Any]] = []
    for run in runs:
        for host, seen in sorted(run.patches.items()):
            place = f"{run.assessment.agency}/{run.assessment.system}/{host}"
            for one in (*_listed(seen.missing), *_listed(seen.remaining)):
                ref = f"{place}/{one.package}@{one.installed}"
                components[ref] = {
                    "type": "application",
                    "bom-ref": ref,
                    "name": on_one_line(one.package),
                    "version": on_one_line(one.installed),
                    "group": on_one_line(place),
                }
                vulnerabilities += [
                    _vulnerability(run, ref, one, flaw, name) for flaw in one.flaws for name in (flaw.cves or (flaw.advisory,))
                ]
    last = max((run.assessment.judged_at for run in runs), default=None)
    names = [run.assessment.run for run in runs]
    return pretty(
        {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{stable('vex', *(word for run in runs for word in (*run.place, run.assessment.run)))}",
            "version": 1,
            "metadata": {
                **({} if last is None else {"timestamp": f"{last:%Y-%m-%dT%H:%M:%SZ}"}),
                "tools": {"components": [{"type": "application", "name": "clearance"}]},
                "properties": [{"name": "clearance:run", "value": name} for name in names] + list(_gaps(runs)),
            },
            "components": list(components.values()),
            "vulnerabilities": vulnerabilities,
        }
    )


def _gaps(runs: Sequence[Judged]) -> Iterator[dict[str, str]]:
    """Hosts of which nobody can say how they stand: an empty list of flaws would look like a clean one."""
    for run in runs:
        for name, found in sorted(run.patches.items()):
            for unjudged in found.undecided:
                place = f"{run.assessment.agency}/{run.assessment.system}/{name}/{unjudged.package}@{unjudged.version}"
                yield {"name": "clearance:not-determined", "value": on_one_line(place)}
        for host in run.order.scope.hosts:
            seen = run.patches.get(host.id)
            if seen is None or isinstance(seen.missing, Unobserved) or isinstance(seen.remaining, Unobserved):
                yield {"name": "clearance:not-determined", "value": f"{run.assessment.agency}/{run.assessment.system}/{host.id}"}


def _listed(found: Sequence[Missing] | Sequence[Remaining] | Unobserved) -> Sequence[Missing] | Sequence[Remaining]:
    return () if isinstance(found, Unobserved) else found


def _vulnerability(run: Judged, ref: str, one: Missing | Remaining, flaw: Flaw, name: str) -> dict[str, Any]:
    state, response, detail = _STATES[Standing(one.standing)]
    severity = _SEVERITIES.get(flaw.severity.value, "unknown")
    needed = f" Needed: {one.needed}." if isinstance(one, Missing) else ""
    exploited = " Known to be exploited (CISA KEV)." if flaw.exploited else ""
    return {
        "bom-ref": stable("vex", run.assessment.agency, run.assessment.system, ref, flaw.advisory, name),
        "id": on_one_line(name),
        "source": {"name": on_one_line(flaw.advisory)},
        "ratings": [{"severity": severity, "method": "other"}],
        "analysis": {"state": state, "response": [response], "detail": on_one_line(detail + needed + exploited)},
        "affects": [{"ref": ref}],
    }
