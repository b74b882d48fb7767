"""The minutes of an assessment (biên bản): who met where and when, what was looked at, what was found, and who signs."""

from __future__ import annotations

from typing import Any

from scanner.assessment import Assessment
from scanner.i18n import _, language, titled
from scanner.order import Order
from scanner.report_view import View
from scanner.targets import RunKind
from scanner.writing import bounded, count, formal_day, listed, moment, share

_MOST = 20
"""Lines of one list: the report, which the minutes name by its digest, holds all."""


def pages(view: View, assessment: Assessment, order: Order) -> dict[str, Any]:
    """The minutes in the chosen language; what the records do not say is left blank, to be filled in by hand."""
    permit = order.permit
    return {
        "lang": language(),
        "issuer": permit.permitted_by.organisation,
        "number": _("No.: ........ /BB"),
        "motto": (_("SOCIALIST REPUBLIC OF VIET NAM"), _("Independence - Freedom - Happiness")),
        "place": _("................, {day}").format(day=formal_day(assessment.judged_at)),
        "name": _("MINUTES"),
        "about": _about(assessment),
        "sections": [
            {"title": title, "lines": [line for line in lines if line]}
            for title, lines in (
                (_("Grounds"), _grounds(view, order)),
                (_("Who took part"), _who(view, order)),
                (_("What was assessed, and how"), _scope(view, order)),
                (_("What was found"), _found(view)),
                (_("What was not assessed"), _unseen(view)),
                (_("What is still open, and until when"), _open(view)),
                (_("Result"), _result(view)),
            )
        ],
        "digests": [
            {"name": name, "value": value}
            for name, value in (
                (_("Assessment SHA-256"), assessment.digest()),
                (_("Order SHA-256"), assessment.order),
                (_("Baseline SHA-256"), assessment.baseline.sha256),
                (_("System fingerprint"), assessment.fingerprint),
            )
        ],
        "digests_title": _("These minutes are of the records with these digests"),
        "closing": _(
            "The minutes were read to those present, who agree with what they say, and are made in ........ copies of equal value."
        ),
        "signatures": [{"role": role, "note": _("(signature, full name)"), "person": person} for role, person in _signers(order)],
    }


def _about(assessment: Assessment) -> str:
    text = (
        _("Inspection of network security before connection to the national population database: {system}, {agency}")
        if assessment.kind is RunKind.INSPECTION
        else _("Self-check of network security before connection to the national population database: {system}, {agency}")
    )
    return text.format(system=titled(assessment.system_name), agency=titled(assessment.agency_name))


def _grounds(view: View, order: Order) -> tuple[str, ...]:
    permit = order.permit
    signed = _("signed") if order.permit_envelope else _("not signed")
    return (
        _("Permit {decision} of {organisation} ({signed})").format(
            decision=permit.decision, organisation=permit.permitted_by.organisation, signed=signed
        ),
        _("{name}: {value}").format(name=_("Baseline"), value=dict(view.facts).get(_("Baseline"), "")),
    )


def _who(view: View, order: Order) -> tuple[str, ...]:
    inspectors = (
        _("Inspector: {person}, {organisation}").format(person=who.person, organisation=who.organisation)
        for who in order.permit.inspectors
    )
    return (
        *inspectors,
        _("For the agency: {agency}; operator: {operator}").format(agency=view.agency, operator=order.scope.system.operator),
        _("Represented by: ................................ Position: ................................"),
    )


def _scope(view: View, order: Order) -> tuple[str, ...]:
    services = sum(len(host.services) for host in order.scope.hosts)
    window = order.permit.window
    return (
        _("System: {system}, level {level}").format(system=view.system, level=view.level),
        _("Declared: {hosts} hosts, {services} services; permitted addresses: {addresses}").format(
            hosts=count(len(order.scope.hosts)), services=count(services), addresses=listed(order.permit.addresses, _MOST)
        ),
        _("Permitted from {begins} to {ends}; observed {observed}").format(
            begins=moment(window.begins), ends=moment(window.ends), observed=view.observed
        ),
        _("Looked from {zone}, {address}, with {tool}; read-only, no guessing of credentials").format(
            zone=order.vantage.zone, address=order.vantage.address, tool=order.tool
        ),
    )


def _found(view: View) -> tuple[str, ...]:
    by_heading = (
        _("{heading}: {passed} of {counted} passed, {assessed} assessed").format(
            heading=heading.title,
            passed=count(heading.passed),
            counted=count(heading.counted),
            assessed=count(heading.assessed),
        )
        for heading in view.headings
    )
    deciding = [
        f"✗ {action.title.rstrip('.')} ({action.weight}): {listed(action.subjects, _MOST)}"
        for action in view.actions
        if action.decides
    ]
    return (
        *by_heading,
        _("Gates satisfied: {gates}").format(gates=f"{view.gates_met.sign} {view.gates_met.word}"),
        *bounded(deciding, _MOST),
    )


def _unseen(view: View) -> tuple[str, ...]:
    gaps = [f"? {gap.why}: {listed(gap.places, _MOST)}" for gap in view.gaps]
    return bounded(gaps, _MOST) or ("✓ " + _("Everything that was to be assessed was assessed."),)


def _open(view: View) -> tuple[str, ...]:
    lines = [
        _("{control} at {subject} until {due} ({who})").format(control=control, subject=subject, due=due, who=who)
        for control, subject, due, who in view.conditions
    ]
    loose = [_("Waivers that cover nothing:") + " " + listed(view.unmatched_waivers, _MOST)] if view.unmatched_waivers else []
    return (*bounded(lines, _MOST), *loose) or (_("No waiver and no plan is open."),)


def _result(view: View) -> tuple[str, ...]:
    numbers = _("Assessed {assessed} of {counted} ({coverage} %); passed {passed} of {counted}: {score}. A number never decides.")
    return (
        f"{view.verdict.sign} {view.verdict.word}",
        view.sentence,
        numbers.format(
            assessed=count(view.assessed),
            counted=count(view.counted),
            coverage=share(view.assessed, view.counted),
            passed=count(view.passed),
            score=view.score,
        ),
        _("The evidence lapses: {when}").format(when=view.valid_until),
        _(
            "These minutes state what was seen. They are no authorisation to connect: that is decided and signed by the competent authorities."
        ),
    )


def _signers(order: Order) -> tuple[tuple[str, str], ...]:
    """Who signs: the agency's side first, then each inspector."""
    return (
        (_("FOR THE AGENCY"), ""),
        *((_("INSPECTOR"), who.person) for who in order.permit.inspectors),
    )
