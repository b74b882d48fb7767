"""An example of each command, shown under its help; every one is parsed by a test, so none names an option that there is not."""

from __future__ import annotations

EXAMPLES: dict[str, str] = {
    "completion": "mkdir -p ~/.local/share/bash-completion/completions\n"
    "  clearance completion bash > ~/.local/share/bash-completion/completions/clearance",
    "doctor": "clearance doctor scope.yaml web1 --permit permit.yaml",
    "plan": "clearance plan scope.yaml --permit permit.yaml",
    "scan": "clearance scan scope.yaml --permit permit.dsse.json --trust trust.dsse.json --rate gentle --out run",
    "check": "clearance check scope.yaml --permit permit.yaml --out run",
    "report": "clearance report run --out report.html",
    "checks list": "clearance checks list --format json",
    "baseline coverage": "clearance baseline coverage --baseline npdb-2026",
    "baseline diff": "clearance baseline diff npdb-2022 npdb-2026",
    "baseline lint": "clearance baseline lint my-baseline.yaml",
    "baseline schema": "clearance baseline schema",
    "baseline show": "clearance baseline show --baseline npdb-2026",
    "permit new": "clearance permit new permit.yaml --agency H15 --decision 12/QD --address 10.15.3.0/24",
    "permit sign": "clearance permit sign permit.yaml --signer file:owner.pem --out permit.dsse.json",
    "seal": "clearance seal run --signer file:scanner.pem --out run.bundle",
    "request": 'clearance request run.bundle --kind trial --csr client.csr --api citizen-lookup --purpose "Public services" '
    "--signer file:agency.pem --out request.dsse.json",
    "submit": "clearance submit run.bundle --request request.dsse.json --to authorities.txt --out H15.submission.age",
    "receive": "clearance receive H15.submission --trust trust.dsse.json --out H15",
    "approve": "clearance approve run.bundle --request request.dsse.json --trust trust.dsse.json "
    "--signer 'pkcs11:token=A;object=K?module-path=/usr/lib/softhsm/libsofthsm2.so' --out authorisation.dsse.json",
    "countersign": "clearance countersign certificate.pdf --x509 an.crt.pem "
    "--signer 'pkcs11:token=AN;object=K?module-path=/usr/lib/softhsm/libsofthsm2.so' --trust trust.dsse.json --out certificate.pdf",
    "issue": "clearance issue run.bundle --request request.dsse.json --trust trust.dsse.json --authorisation authorisation.dsse.json "
    "--log log.sqlite --log-signer file:log.pem --out certificate.dsse.json",
    "verify": "clearance verify certificate.dsse.json --trust trust.dsse.json --bundle run.bundle --recompute",
    "log cosign": "clearance log cosign log.sqlite --trust trust.dsse.json --signer file:witness.pem --state witness.json",
    "log init": "clearance log init log.sqlite --trust trust.dsse.json --origin log.example.vn --signer file:log.pem",
    "log prove": "clearance log prove log.sqlite certificate.dsse.json",
    "log show": "clearance log show log.sqlite",
    "log verify": "clearance log verify log.sqlite --trust trust.dsse.json --keep last-seen.txt",
    "suspend": "clearance suspend SERIAL --log log.sqlite --trust trust.dsse.json --signer file:authority.pem "
    "--log-signer file:log.pem --reason incident --out suspension.dsse.json",
    "resume": "clearance resume SERIAL --log log.sqlite --trust trust.dsse.json --signer file:authority.pem "
    "--log-signer file:log.pem --out resumption.dsse.json",
    "revoke": "clearance revoke SERIAL --log log.sqlite --trust trust.dsse.json --signer file:authority.pem "
    "--log-signer file:log.pem --reason key-compromise --out revocation.dsse.json",
    "status": "clearance status SERIAL --log log.sqlite --trust trust.dsse.json",
    "feeds approve": "clearance feeds approve gathered.tar --trust trust.dsse.json --signer file:approver.pem --out bundle-7.tar",
    "feeds bundle": "clearance feeds bundle gathered --settings gather.toml --serial 7 --previous 6 --signer file:gatherer.pem "
    "--out gathered.tar",
    "feeds gather": "clearance feeds gather --settings gather.toml --out gathered",
    "feeds import": "clearance feeds import --store feeds.sqlite tracker.json",
    "feeds status": "clearance feeds status --store feeds.sqlite",
    "trust init": "clearance trust init trust.yaml --signer file:root-a.pem --signer file:root-b.pem --out trust.dsse.json",
    "trust show": "clearance trust show trust.dsse.json",
    "keys list": "clearance keys list --module /usr/lib/softhsm/libsofthsm2.so",
    "keys new": "clearance keys new inspector.pem",
    "keys show": "clearance keys show inspector.pub.pem",
    "gateway apply": "clearance gateway apply gateway.bundle --site site.toml",
    "gateway ca": "clearance gateway ca --trust trust.dsse.json --ca-signer file:connection-ca.pem --out connection-ca.crt",
    "gateway check": "clearance gateway check --site site.toml",
    "gateway client": "clearance gateway client certificate.dsse.json --trust trust.dsse.json --ca connection-ca.crt "
    "--ca-signer file:connection-ca.pem --clients clients",
    "gateway close": "clearance gateway close --site site.toml",
    "gateway export": "clearance gateway export --log log.sqlite --trust trust.dsse.json --ca connection-ca.crt "
    "--ca-signer file:connection-ca.pem --clients clients --signer file:gateway.pem --state gateway.json --out gateway.bundle",
}
"""By the command's words. A command whose own help holds an example needs none here."""
