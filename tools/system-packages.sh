#!/usr/bin/env bash
# Installs the Debian programs that are missing; silent when none is. Tests for commands, not for packages.
# With the word "slow", those too that `make test-slow` compares with.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

declare -A package=(
  [nmap]=nmap [nginx]=nginx-light [sshd]=openssh-server [ssh]=openssh-client [redis-server]=redis-server
  [sudo]=sudo [gnutls-serv]=gnutls-bin [stunnel]=stunnel4 [openssl]=openssl [unshare]=util-linux [ss]=iproute2 [python3]=python3
  [snmpd]=snmpd [dnsmasq]=dnsmasq-base [ntpd]=ntpsec [rpcbind]=rpcbind [memcached]=memcached [slapd]=slapd [smbd]=samba [Xvfb]=xvfb [atftpd]=atftpd [nsenter]=util-linux
  [softhsm2-util]=softhsm2 [haproxy]=haproxy [pdffonts]=poppler-utils [gpgv]=gpgv [gpg]=gpg [chromium]=chromium [npm]=npm [logrotate]=logrotate [nft]=nftables
)
[ "${1:-}" = slow ] && package+=([dnf]=dnf [rpmbuild]=rpm [createrepo_c]=createrepo-c)
missing=()
for command in "${!package[@]}"; do
  command -v "$command" >/dev/null 2>&1 || missing+=("${package[$command]}")
done
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing+=(postgresql)
[ -e /usr/share/fonts/truetype/croscore/Tinos-Regular.ttf ] || missing+=(fonts-croscore)
[ "${#missing[@]}" -eq 0 ] && exit 0

echo "Installing from Debian: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root=(sudo)
  else
    echo "error: these Debian packages are missing and there are no rights to install them: ${missing[*]}" >&2
    echo "       ask an administrator to run: apt-get install ${missing[*]}" >&2
    exit 2
  fi
fi

# The packages of servers would start services of their own on every address; the lab needs those ports.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
