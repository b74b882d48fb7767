"""What nginx, PostgreSQL, MariaDB and Redis are set to: by the programs themselves, by the files Debian ships, and by hostile words."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.findings import Fail, Pass
from scanner.observations import Reason, ServiceSettings, Unobserved
from scanner.probes.collection import logs, services
from scanner.probes.collection.sections import Collected, Section, prelude
from scanner.registry import load_checks
from scanner.specimens import host

CHECKS = load_checks()
REDIS = b"bind 127.0.0.1 -::1\nport 6379\nprotected-mode yes\nrequirepass 1\n"
HBA = (
    b"/etc/postgresql/15/main/pg_hba.conf:local   all             postgres                                peer\n"
    b"/etc/postgresql/15/main/pg_hba.conf:host    all             all             127.0.0.1/32            scram-sha-256\n"
)
POSTGRESQL = HBA + (
    b"/etc/postgresql/15/main/postgresql.conf:data_directory = '/var/lib/postgresql/15/main'\t\t# use data in another directory\n"
    b"/etc/postgresql/15/main/postgresql.conf:hba_file = '/etc/postgresql/15/main/pg_hba.conf'\t# host-based file\n"
    b"/etc/postgresql/15/main/postgresql.conf:ssl = on\n/etc/postgresql/15/main/postgresql.conf:include_dir = 'conf.d'\n"
)
MYSQL = b"arguments:\n--socket=/run/mysqld/mysqld.sock\n--bind_address=192.0.2.7\n--loose-ssl\n--skip-networking=0\n"
NGINX = b"""\
# configuration file /etc/nginx/nginx.conf:
user www-data;
http {
\tssl_protocols TLSv1 TLSv1.2; # Dropping SSLv3
\tserver_tokens off;
\tlog_format main '$remote_addr "{" ; $status';
\tmap $http_upgrade $connection_upgrade { default upgrade; '' close; }
\tinclude /etc/nginx/sites-enabled/*;
}

# configuration file /etc/nginx/sites-enabled/dvc:
server {
\tlisten 443 ssl http2; listen [::]:443 ssl;
\tserver_name dvc.example.vn www.example.vn;
\tssl_protocols TLSv1.2 TLSv1.3;
\tlocation / { if ($bad = "}") { return 403; } autoindex on; }
}
server { listen 80; location ~ \\.php$ { server_tokens on; } }

"""
APACHE = (
    b"/etc/apache2/apache2.conf:IncludeOptional mods-enabled/*.conf\n/etc/apache2/apache2.conf:Include ports.conf\n"
    b"/etc/apache2/apache2.conf:<Directory /var/www/>\n/etc/apache2/apache2.conf:\tOptions Indexes FollowSymLinks\n"
    b"/etc/apache2/apache2.conf:</Directory>\n/etc/apache2/apache2.conf:IncludeOptional conf-enabled/*.conf\n"
    b"/etc/apache2/apache2.conf:IncludeOptional sites-enabled/*.conf\n"
    b"/etc/apache2/mods-enabled/ssl.conf:<IfModule mod_ssl.c>\n/etc/apache2/mods-enabled/ssl.conf:\tSSLProtocol all -SSLv3\n"
    b"/etc/apache2/mods-enabled/ssl.conf:</IfModule>\n/etc/apache2/conf-enabled/security.conf:ServerTokens OS\n"
    b"/etc/apache2/conf-enabled/security.conf:ServerSignature On\n/etc/apache2/conf-enabled/security.conf:TraceEnable Off\n"
    b"/etc/apache2/sites-enabled/tls.conf:<VirtualHost *:443>\n/etc/apache2/sites-enabled/tls.conf:\tSSLEngine on\n"
    b"/etc/apache2/sites-enabled/tls.conf:\tErrorLog ${APACHE_LOG_DIR}/e.log\n/etc/apache2/sites-enabled/tls.conf:</VirtualHost>\n"
)
"""The directives that are judged, of the files that Debian 12 ships, with a site of one's own."""
SECTIONS = {
    "user": b"1000\n",
    "processes": b"init\n",
    "contained": b"",
    "nginx": NGINX,
    "redis": REDIS,
    "postgresql": POSTGRESQL,
    "mysql": MYSQL,
    "apache": APACHE,
}
FACTS = {
    "nginx": services.nginx,
    "redis": services.redis,
    "postgresql": services.postgresql,
    "mysql": services.mysql,
    "apache": services.apache,
}


def found(*leave: str, **changed: bytes | tuple[bytes, int | None]) -> Collected:
    held = {name: text if isinstance(text, tuple) else (text, 0) for name, text in (SECTIONS | changed).items()}
    kept = {name: Section(*parts) for name, parts in held.items() if name not in leave}
    return Collected(kept, begun=True, complete=True)


def read(product: str, **changed: bytes) -> ServiceSettings:
    seen = FACTS[product](found(**changed))
    assert isinstance(seen, ServiceSettings), seen
    return seen


def why(fact: object) -> Reason:
    assert isinstance(fact, Unobserved), fact
    return fact.reason


def verdict(check: str, **facts: ServiceSettings) -> type:
    return type(CHECKS[check](host(**facts), CHECKS[check].parameters()))


# --- nginx ---------------------------------------------------------------------------------------


def test_a_server_block_inherits_overrides_and_is_opened_by_its_locations() -> None:
    seen = read("nginx")
    first, second = seen.places()
    assert (first, second) == ("1: 443 dvc.example.vn", "2: 80")
    assert seen.values(first, "ssl_protocols") == ("TLSv1.2 TLSv1.3",)
    assert seen.values(first, "autoindex") == ("off", "on")
    assert seen.values(first, "listen") == ("443 ssl http2", "[::]:443 ssl")
    assert seen.values(second, "server_tokens") == ("off", "on")
    assert seen.values(second, "ssl_protocols") == ("TLSv1 TLSv1.2",)


def nginx_prints(folder: Path, config: str) -> bytes:
    """What a real nginx prints of this configuration."""
    (folder / "sites").mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(config)
    run = subprocess.run(
        ["/usr/sbin/nginx", "-T", "-p", folder, "-c", folder / "nginx.conf", "-g", f"pid {folder}/pid; error_log stderr;"],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


_HTTP = (
    "events {{}}\nhttp {{\n access_log off;\n {settings}\n include sites/*.conf;\n server {{ listen 127.106.0.1:8080; }}\n}}\n"
)


@pytest.mark.parametrize(
    ("here", "site", "reserved"),
    [
        ("server_tokens off;", "", Pass),
        ("", "", Fail),
        ("server_tokens off;", "server { listen 127.106.0.1:8081; location /files { autoindex on; } }", Fail),
        ("server_tokens off;", "server { listen 127.106.0.1:8081; server_tokens build; }", Fail),
        ("server_tokens off;", "# autoindex on;\nserver { listen 127.106.0.1:8081; add_header X 'autoindex on;'; }", Pass),
    ],
)
def test_what_a_real_nginx_has_in_force_is_judged(tmp_path: Path, here: str, site: str, reserved: type) -> None:
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "one.conf").write_text(site)
    seen = read("nginx", nginx=nginx_prints(tmp_path, _HTTP.format(settings=here)))
    assert verdict("host-nginx-reserved", nginx=seen) is reserved


def test_debian_s_own_settings_of_nginx_take_old_tls_where_a_server_speaks_it() -> None:
    run = subprocess.run(["/usr/sbin/nginx", "-T"], capture_output=True, check=False, timeout=30)
    seen = read("nginx", nginx=run.stdout)
    assert verdict("host-nginx-reserved", nginx=seen) is Fail
    assert verdict("host-nginx-tls-versions", nginx=seen) is Pass  # it listens on port 80 only
    spoken = read("nginx", nginx=run.stdout.replace(b"listen 80 default_server;", b"listen 443 ssl default_server;"))
    assert verdict("host-nginx-tls-versions", nginx=spoken) is Fail


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        NGINX.rstrip()[:-1],
        NGINX.replace(b"user www-data;", b"user www-data; }"),
        NGINX.replace(b"user www-data;", b'user "www-data;'),
        NGINX.replace(b"user www-data;", b"include nginx.conf;"),
        NGINX.replace(b"{ default upgrade;", b"by_lua_block {").replace(b"map $http_upgrade", b"content_by_lua_block"),
    ],
    ids=["empty", "cut", "closed", "quoted", "loop", "lua"],
)
def test_settings_that_are_not_whole_are_unreadable(odd: bytes) -> None:
    assert why(services.nginx(found(nginx=odd))) is Reason.UNREADABLE


# --- Redis ---------------------------------------------------------------------------------------


def awk(config: Path) -> bytes:
    """What the published awk line prints of a file."""
    words = [str(config) if word == "/etc/redis/redis.conf" else word for word in shlex.split(services.REDIS)]
    return subprocess.run(words, capture_output=True, check=True, timeout=10).stdout


@pytest.mark.parametrize(
    ("lines", "asks"),
    [
        ("bind 192.0.2.7\nrequirepass SECRETSECRET\n", Pass),
        ("bind 192.0.2.7\nRequirePass SECRETSECRET\n", Pass),
        ('bind 192.0.2.7\nrequirepass SECRETSECRET\nrequirepass ""\n', Fail),
        ("bind 192.0.2.7\n# requirepass SECRETSECRET\n", Fail),
        ("bind 192.0.2.7\nuser default on >SECRETSECRET ~* +@all\n", Pass),
        ("bind 192.0.2.7\nrequirepass SECRETSECRET\nuser default on nopass ~* +@all\n", Fail),
        ("bind 127.0.0.1 -::1\n", Pass),
        ("port 6379\n", Fail),
    ],
)  # fmt: skip
def test_of_redis_passwords_only_their_being_there_leaves_the_host(tmp_path: Path, lines: str, asks: type) -> None:
    (tmp_path / "redis.conf").write_text(lines)
    printed = awk(tmp_path / "redis.conf")
    assert b"SECRET" not in printed
    assert verdict("host-redis-authenticates", redis=read("redis", redis=printed)) is asks


def test_debian_s_own_settings_of_redis_are_closed_to_others() -> None:
    seen = read("redis", redis=awk(Path("/etc/redis/redis.conf")))
    assert verdict("host-redis-authenticates", redis=seen) is Pass and verdict("host-redis-encrypted", redis=seen) is Pass


@pytest.mark.parametrize("line", [b"include /etc/redis/more.conf\n", b"aclfile /etc/redis/users.acl\n"])
def test_settings_of_redis_that_stand_in_other_files_are_unread(line: bytes) -> None:
    assert why(services.redis(found(redis=REDIS + line))) is Reason.UNREADABLE


# --- PostgreSQL ----------------------------------------------------------------------------------


def grep(root: Path) -> bytes:
    """What the published grep line prints of files under a folder, by the names they would have on a host."""
    words = shlex.split(next(line for line in services.PRIVILEGED if line.endswith("/var/lib/postgresql")))
    words[-2:] = [f"{root}{words[-2]}", f"{root}{words[-1]}"]
    run = subprocess.run(words, capture_output=True, check=True, timeout=10)
    return run.stdout.replace(str(root).encode(), b"")


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    """The files of a cluster as PostgreSQL itself and Debian make them."""
    etc, data = tmp_path / "etc/postgresql/15/main", tmp_path / "var/lib/postgresql/15/main"
    shutil.copytree("/etc/postgresql/15/main", etc)
    (etc / "conf.d").mkdir(exist_ok=True)
    data.mkdir(parents=True)
    (data / "postgresql.auto.conf").write_text("# Do not edit this file manually!\n")
    return tmp_path


@pytest.mark.skipif(not Path("/etc/postgresql/15/main").exists(), reason="needs Debian's files of a PostgreSQL cluster")
def test_debian_s_own_settings_of_postgresql_let_nobody_in_unasked(cluster: Path) -> None:
    seen = read("postgresql", postgresql=grep(cluster))
    assert seen.places() == ("15/main",) and seen.values("15/main", "include_dir") == ("conf.d",)
    assert verdict("host-postgresql-authenticates", postgresql=seen) is Pass
    assert verdict("host-postgresql-encrypted", postgresql=seen) is Pass


@pytest.mark.skipif(not Path("/etc/postgresql/15/main").exists(), reason="needs Debian's files of a PostgreSQL cluster")
@pytest.mark.parametrize(
    ("file", "line", "check"),
    [
        ("etc/postgresql/15/main/pg_hba.conf", "\thost all all 0.0.0.0/0 trust", "host-postgresql-authenticates"),
        ("etc/postgresql/15/main/pg_hba.conf", "host all all 10.0.0.0 255.0.0.0 password", "host-postgresql-authenticates"),
        ("etc/postgresql/15/main/pg_hba.conf", 'local "all" all trust', "host-postgresql-authenticates"),
        ("etc/postgresql/15/main/conf.d/net.conf", "listen_addresses = '*'\nssl = off", "host-postgresql-encrypted"),
        ("etc/postgresql/15/main/postgresql.conf", "Listen_Addresses '*'\nSSL=off", "host-postgresql-encrypted"),
        ("var/lib/postgresql/15/main/postgresql.auto.conf", "ssl = 'off'\nlisten_addresses = '*'", "host-postgresql-encrypted"),
    ],
)
def test_one_line_in_any_file_in_force_opens_a_cluster(cluster: Path, file: str, line: str, check: str) -> None:
    with (cluster / file).open("a") as changed:
        changed.write(f"{line}\n")
    assert verdict(check, postgresql=read("postgresql", postgresql=grep(cluster))) is Fail


def test_what_alter_system_set_counts_over_the_file() -> None:
    text = POSTGRESQL + b"/var/lib/postgresql/15/main/postgresql.auto.conf:ssl = 'off'\n"
    assert read("postgresql", postgresql=text).values("15/main", "ssl") == ("off",)


def test_the_options_of_a_rule_among_which_a_password_can_stand_are_not_kept() -> None:
    rule = b"/etc/postgresql/15/main/pg_hba.conf:host all all 192.0.2.0/24 ldap ldapserver=x ldapbindpasswd=SECRET\n"
    seen = read("postgresql", postgresql=POSTGRESQL + rule)
    assert "host all all 192.0.2.0/24 ldap" in seen.values("15/main", "hba") and b"SECRET" not in seen.written()


@pytest.mark.parametrize(
    "line",
    [
        b"/etc/postgresql/15/main/postgresql.conf:include 'more.conf'\n",
        b"/etc/postgresql/15/main/postgresql.conf:include_dir = 'more.d'\n",
        b"/etc/postgresql/15/main/postgresql.conf:data_directory = '/srv/data'\n",
        b"/etc/postgresql/15/main/pg_hba.conf:host all\n",
        b"/etc/postgresql/16/other/postgresql.conf:ssl = on\n",
        b"/srv/postgresql.conf:ssl = on\n",
    ],
)
def test_a_cluster_that_is_not_wholly_seen_is_unreadable(line: bytes) -> None:
    assert why(services.postgresql(found(postgresql=POSTGRESQL + line))) is Reason.UNREADABLE


def test_red_hat_keeps_all_of_a_cluster_in_one_folder() -> None:
    text = (
        re.sub(rb"/etc/postgresql/15/main/", b"/var/lib/pgsql/data/", HBA) + b"/var/lib/pgsql/data/postgresql.conf:ssl = on # c\n"
    )
    assert read("postgresql", postgresql=text).values("data", "ssl") == ("on",)


# --- MariaDB and MySQL ---------------------------------------------------------------------------


def test_options_are_read_however_they_are_written_and_the_last_counts() -> None:
    seen = read("mysql", mysql=MYSQL + b"--bind-address=127.0.0.1\n--require-secure-transport\n")
    assert seen.values("mysqld", "bind-address") == ("127.0.0.1",)
    assert seen.values("mysqld", "require-secure-transport") == ("1",) and seen.values("mysqld", "ssl") == ("1",)
    assert verdict("host-mysql-encrypted", mysql=read("mysql")) is Fail
    assert verdict("host-mysql-encrypted", mysql=read("mysql", mysql=b"arguments:\n--port=3306\n")) is Fail


# --- All of them ---------------------------------------------------------------------------------


PROCESSES = {"nginx": "nginx", "redis": "redis-server", "postgresql": "postgres", "mysql": "mysqld", "apache": "apache2"}


@pytest.mark.parametrize("product", FACTS)
def test_a_service_is_absent_only_where_it_is_neither_set_up_nor_running(product: str) -> None:
    read_it = FACTS[product]
    assert read_it(found(product)) is None
    assert why(read_it(found(product, processes=f"init\n{PROCESSES[product]}\n".encode()))) is Reason.UNSUPPORTED
    assert why(read_it(found(product, processes=(b"", 77)))) is Reason.NEEDS_RIGHTS
    assert why(read_it(replace(found(product), complete=False))) is Reason.UNREADABLE


@pytest.mark.parametrize("product", FACTS)
def test_a_service_inside_a_container_voids_a_pass_and_hides_no_fault(product: str) -> None:
    """The facts stay what the host's own settings are; a pass needs that no other is in force."""
    inside = host(contained=("sh", PROCESSES[product]))
    void = getattr(inside, f"{product}_whole")
    assert isinstance(void, Unobserved)
    assert (void.reason, "runs inside a container, and its settings are not read" in void.detail) == (Reason.UNSUPPORTED, True)
    assert getattr(host(contained=("sh", "nginx-exporter")), f"{product}_whole") is True
    blind = Unobserved(reason=Reason.NEEDS_RIGHTS)
    assert getattr(host(contained=blind), f"{product}_whole") == blind
    assert isinstance(FACTS[product](found(contained=f"{PROCESSES[product]}\n".encode())), ServiceSettings)
    reading = [check for check in CHECKS.values() if check.facts == (product,)]
    assert len(reading) >= 2
    assert all(check.to_pass == (f"{product}_whole",) for check in reading)


ALONE = prelude("0" * 32) + logs.SHELL[logs.SHELL.index("inside() {") : logs.SHELL.index("section contained")] + "inside\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a process is given numbers of its own")
def test_a_real_process_with_numbers_of_its_own_is_found_inside_and_others_are_not(tmp_path: Path) -> None:
    for name in ("contained-one", "outside-one"):
        shutil.copy("/bin/sleep", tmp_path / name)
    inside = ["unshare", "--pid", "--fork", "--kill-child", str(tmp_path / "contained-one"), "20"]
    with subprocess.Popen(inside) as held, subprocess.Popen([tmp_path / "outside-one", "20"]) as plain:
        try:
            for _ in range(100):
                printed = subprocess.run(["/bin/sh"], input=ALONE.encode(), capture_output=True, check=True, timeout=20).stdout
                if b"contained-one\n" in printed:
                    break
                time.sleep(0.05)
        finally:
            held.kill()
            plain.kill()
    seen = logs.contained(found(contained=printed))
    assert not isinstance(seen, Unobserved) and "contained-one" in seen and "outside-one" not in seen


_ENGINE = {
    "1": "0::/init.scope",
    "20": "0::/system.slice/docker-0123456789abcdef.scope",
    "21": "0::/system.slice/docker.service",
    "22": "0::/kubepods.slice/kubepods-pod1.slice/x",
    "23": "0::/machine.slice/libpod-conmon-0123456789abcdef.scope",
}


@pytest.mark.parametrize(
    ("first", "wanted"), [("0::/init.scope", {"p20", "p22"}), ("12:pids:/docker/0123456789abcdef", set())], ids=["host", "itself"]
)
def test_control_groups_of_engines_name_what_shares_the_host_s_numbers(tmp_path: Path, first: str, wanted: set[str]) -> None:
    for number, group in {**_ENGINE, "1": first}.items():
        (tmp_path / number).mkdir()
        (tmp_path / number / "cgroup").write_text(f"{group}\n")
        (tmp_path / number / "status").write_text(f"Name:\tp{number}\nPid:\t{number}\nNSpid:\t{number}\n")
    shell = ALONE.replace("/proc/", f"{tmp_path}/").replace(r"^\/proc\/", "^" + str(tmp_path).replace("/", r"\/") + r"\/")
    deeper = len(tmp_path.parts) - 2
    run = ["/bin/sh"], shell.replace("at[3]", f"at[{3 + deeper}]").encode()
    printed = subprocess.run(run[0], input=run[1], capture_output=True, check=True, timeout=20).stdout
    assert set(printed.decode().split()) == wanted
    (tmp_path / "1" / "status").unlink()
    assert subprocess.run(run[0], input=run[1], capture_output=True, check=False, timeout=20).returncode == 77


@pytest.mark.parametrize("product", FACTS)
def test_a_section_that_failed_hung_or_is_noise_is_unseen(product: str) -> None:
    for odd in ((SECTIONS[product], 2), (b"", None), (b"", 0), (b"\x1b[2J\xff { noise\n", 0)):
        assert isinstance(FACTS[product](found(**{product: odd})), Unobserved)
    if product not in ("mysql", "apache"):
        refused = FACTS[product](found(**{product: (b"", 1)}))
        assert why(refused) is Reason.NEEDS_RIGHTS


ODD = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(sorted(SECTIONS.values())).flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end])),
    st.lists(st.sampled_from([*SECTIONS.values(), b"\n", b";", b"{", b"}", b'"', b"'", b"\\", b"\x00", b"\xff"]), max_size=5).map(
        b"".join
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(SECTIONS)), st.tuples(ODD, st.sampled_from([0, 0, 0, 1, 77, None])), min_size=1))
def test_no_output_breaks_a_reader(parts: dict[str, tuple[bytes, int | None]]) -> None:
    for read_it in FACTS.values():
        fact = read_it(found(**parts))
        if isinstance(fact, Unobserved):
            assert fact.detail.isascii() and fact.detail.isprintable()


@pytest.mark.skipif(shutil.which("mariadbd") is None, reason="needs MariaDB's server program")
def test_a_real_mariadb_says_by_which_options_it_would_start(tmp_path: Path) -> None:
    (tmp_path / "my.cnf").write_text(
        f"[mysqld]\nrequire_secure_transport\nloose-x=y\nwsrep_sst_auth=a:SECRET\n!includedir {tmp_path}\n"
    )
    (tmp_path / "net.cnf").write_text("[mariadbd]\nbind-address = 192.0.2.7\n")
    shell = (
        services.SHELL.partition("defaults() {")[2]
        .partition("\n}")[0]
        .replace("--print", f"--defaults-file={tmp_path}/my.cnf --print")
    )
    script = f'brief() {{ "$@"; }}\nhidden() {{ false; }}\ndefaults() {{{shell}\n}}\ndefaults mariadbd\n'
    printed = subprocess.run(["/bin/sh"], input=script.encode(), capture_output=True, check=True, timeout=30).stdout
    assert b"SECRET" not in printed
    seen = read("mysql", mysql=printed)
    assert seen.values("mysqld", "bind-address") == ("192.0.2.7",)
    assert verdict("host-mysql-encrypted", mysql=seen) is Pass
