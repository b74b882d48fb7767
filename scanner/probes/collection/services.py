"""Settings of nginx, Apache, PostgreSQL, MariaDB or MySQL, and Redis, outside of containers. Passwords in them stay on the host.

nginx is asked only where it is running: to print its settings it opens its logs and its pid file, and would make them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from scanner.i18n import N_
from scanner.observations import PolicySetting, Reason, ServiceSettings, Unobserved
from scanner.observations.host_services import PROGRAMS
from scanner.probes.collection import apache as apache_files
from scanner.probes.collection.logs import processes
from scanner.probes.collection.nginx import nginx_settings
from scanner.probes.collection.sections import Collected, CollectionError, Files, files, text_lines
from scanner.record import escaped

NGINX = "/usr/sbin/nginx -T"
REDIS = (
    "/usr/bin/awk '{n=tolower($1)}n~/^(bind|port|tls-port|protected-mode|include|aclfile)$/{print n,$2,$3,$4,$5,$6,$7,$8,$9}"
    "n~/^requirepass$/{print n,length($2)<3?0:1}n~/^user$/{print n,$2,/ nopass/?0:1}' /etc/redis/redis.conf"
)
"""Of a password prints only whether there is one; there are no quotation marks in it because sudoers cannot match them."""
_NAMES = (
    "local|host|hostssl|hostnossl|hostgssenc|hostnogssenc|listen_addresses|ssl|ssl_min_protocol_version|password_encryption|"
    "include|include_dir|include_if_exists|data_directory|hba_file|@include"
)
_POSTGRESQL = f"/usr/bin/grep -rHswiE --include '*.conf' --exclude-dir base --exclude-dir pg_wal '^[[:blank:]]*({_NAMES})'"
_DEBIAN, _RHEL = f"{_POSTGRESQL} /etc/postgresql /var/lib/postgresql", f"{_POSTGRESQL} /var/lib/pgsql/data"
PRIVILEGED = (NGINX, REDIS, _DEBIAN, _RHEL)

SHELL = rf"""
if [ -x /usr/sbin/nginx ] && running | grep -qx nginx; then section nginx asroot {NGINX}; fi
if [ -d /etc/redis ]; then section redis asroot {REDIS}; fi
if [ -d /etc/postgresql ]; then section postgresql asroot {_DEBIAN}
elif [ -d /var/lib/pgsql/data ]; then section postgresql asroot {_RHEL}
fi
defaults() {{
  for file in /etc/my.cnf /etc/my.cnf.d/*.cnf /etc/mysql/my.cnf /etc/mysql/mariadb.cnf /etc/mysql/conf.d/*.cnf \
    /etc/mysql/mariadb.conf.d/*.cnf /etc/mysql/mysql.conf.d/*.cnf
  do if [ ! -r "$file" ] && hidden "$file"; then return 77; fi
  done
  brief "$1" --print-defaults | tr ' ' '\n' | awk '/^arguments:$/ {{ seen = 1; print }}
    /^--(loose-)?(bind|require|skip|local|old|ssl|tls|secure|port)[a-z_-]*(=|$)/ {{ print }} END {{ exit !seen }}'
}}
if command -v mariadbd >/dev/null; then section mysql defaults mariadbd
elif command -v mysqld >/dev/null; then section mysql defaults mysqld
fi
{apache_files.SHELL}"""

_ELSEWHERE = N_("a program is running, but not with the settings of a package")
_SETTING = re.compile(r"([A-Za-z_@]+)\s*(?:=\s*|\s+)(?:'((?:[^']|'')*)'|([^\s#]+))\s*(?:#.*)?")
_HBA = ("local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc")
_REDIS = ("bind", "port", "tls-port", "protected-mode", "include", "aclfile", "requirepass", "user")
_OPTION = re.compile(r"--(?:loose[-_])?([a-z][a-z0-9_-]*)(?:=(.*))?")
_MASK = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:]*")


def nginx(found: Collected) -> ServiceSettings | Unobserved | None:
    """The settings of nginx in force, by server block."""
    return _service(found, "nginx", lambda: found.privileged("nginx", NGINX, nginx_settings))


def apache(found: Collected) -> ServiceSettings | Unobserved | None:
    """The settings in Apache's files, by virtual host."""
    return _service(found, "apache", lambda: found.read("apache", apache_files.apache_settings, Reason.UNREADABLE))


def redis(found: Collected) -> ServiceSettings | Unobserved | None:
    """The settings of Redis' own file; where it includes others or names users in another, nothing."""
    return _service(found, "redis", lambda: found.privileged("redis", REDIS, _redis))


def postgresql(found: Collected) -> ServiceSettings | Unobserved | None:
    """The settings of each cluster of PostgreSQL and its rules for who may connect how."""
    shown = "the published grep for pg_hba.conf and postgresql.conf in docs/host-access.md"
    return _service(found, "postgresql", lambda: found.privileged("postgresql", shown, _postgresql))


def mysql(found: Collected) -> ServiceSettings | Unobserved | None:
    """The options that MariaDB or MySQL would be started with; it is silent on files that it may not read, which are looked for first."""
    return _service(found, "mysql", lambda: found.read("mysql", _mysql, Reason.UNREADABLE))


def _service(
    found: Collected, product: str, read: Callable[[], ServiceSettings | Unobserved]
) -> ServiceSettings | Unobserved | None:
    """What is read; None where the service is neither set up where it is looked for nor running from elsewhere."""
    return read() if product in found.sections else _elsewhere(found, product)


def _elsewhere(found: Collected, product: str) -> Unobserved | None:
    """Why a service that is not set up where it is looked for is unseen; None where it is not running either."""
    running = processes(found)
    if isinstance(running, Unobserved):
        return running
    here = next((name for name in PROGRAMS[product] if name in running), None)
    if here is not None:
        return found.absent(product, Reason.UNSUPPORTED, f"{_ELSEWHERE}: {here}")
    return None if found.complete else found.absent(product, Reason.UNSUPPORTED, "not there")


def _settings(place: str, pairs: Iterator[tuple[str, str]]) -> Iterator[PolicySetting]:
    for name, value in pairs:
        yield PolicySetting(file=escaped(place, limit=200), name=escaped(name, limit=100), value=escaped(value, limit=1_000))


# --- Redis ---------------------------------------------------------------------------------------


def _redis(text: bytes) -> ServiceSettings:
    pairs = [(words[0], " ".join(words[1:])) for line in text_lines(text) if (words := line.replace('"', "").split())]
    if not pairs or any(name not in _REDIS for name, _ in pairs):
        raise CollectionError("no setting was printed, or one that was not asked for")
    if any(name in ("include", "aclfile") for name, _ in pairs):
        raise CollectionError("it includes other files, which are not read")
    single = {name: value for name, value in pairs if name != "user"}  # the last one counts
    several = [pair for pair in pairs if pair[0] == "user"]
    return ServiceSettings(settings=tuple(_settings("/etc/redis/redis.conf", iter([*single.items(), *several]))))


# --- MariaDB and MySQL ---------------------------------------------------------------------------


def _mysql(text: bytes) -> ServiceSettings:
    first, *lines = text_lines(text)
    if first != "arguments:":
        raise CollectionError("no options were printed")
    held: dict[str, str] = {}
    for line in filter(None, lines):
        match = _OPTION.fullmatch(line)
        if match is None:
            raise CollectionError("a line is no option")
        held[match[1].replace("_", "-")] = "1" if match[2] is None else match[2]
    held.setdefault("bind-address", "*")
    return ServiceSettings(settings=tuple(_settings("mysqld", iter(held.items()))))


# --- PostgreSQL ----------------------------------------------------------------------------------


def _postgresql(text: bytes) -> ServiceSettings:
    clusters: dict[str, Files] = {}
    for name, lines in files(text).items():
        clusters.setdefault(_cluster(name), {})[name] = lines
    if not clusters:
        raise CollectionError("no cluster is set up")
    found = [setting for cluster, held in clusters.items() for setting in _settings(cluster, _of_cluster(cluster, held))]
    return ServiceSettings(settings=tuple(found))


def _cluster(name: str) -> str:
    """`15/main` of Debian's folders; `data` of Red Hat's."""
    match = re.match(r"/(?:etc|var/lib)/postgresql/(\d+/[^/]+)/", name)
    if match is None and not name.startswith("/var/lib/pgsql/data/"):
        raise CollectionError("a file belongs to no cluster")
    return match[1] if match else "data"


def _of_cluster(cluster: str, held: Files) -> Iterator[tuple[str, str]]:
    """The settings of postgresql.conf, then those of conf.d in order, then those of ALTER SYSTEM, each over the one before."""
    order = {"postgresql.conf": 0, "postgresql.auto.conf": 2}
    in_order = sorted(held, key=lambda name: (order.get(name.rpartition("/")[2], 1), name))
    if not any(name.endswith("/postgresql.conf") for name in held) or not any(name.endswith("/pg_hba.conf") for name in held):
        raise CollectionError("a cluster lacks postgresql.conf or pg_hba.conf, or nothing stands in one")
    settings: dict[str, str] = {}
    for name in in_order:
        for line in held[name]:
            if name.endswith("/pg_hba.conf"):
                yield "hba", _rule(line)
            elif name.endswith(("/postgresql.conf", "/postgresql.auto.conf")) or "/conf.d/" in name:
                _set(cluster, line, settings)
    yield from settings.items()


def _set(cluster: str, line: str, settings: dict[str, str]) -> None:
    match = _SETTING.fullmatch(line)
    if match is None:
        raise CollectionError("a line is no setting")
    name, value = match[1].lower(), (match[3] or match[2] or "").replace("''", "'")
    moved = name in ("data_directory", "hba_file") and cluster not in value
    if name in ("include", "include_if_exists") or (name == "include_dir" and value != "conf.d") or moved:
        raise CollectionError("it includes files, or has its own elsewhere, which are not read")
    settings[name] = value


def _rule(line: str) -> str:
    """A rule without its options, among which a password can stand."""
    words = [word.strip('"') for word in line.split()]
    length = 4 if words[:1] == ["local"] else 6 if len(words) > 5 and _MASK.fullmatch(words[4]) else 5
    if words[0] not in _HBA or len(words) < length:
        raise CollectionError("a line is no rule, or includes others")
    return " ".join(words[:length])
