# Fetching upstream archives out of Debian's source packages. To be sourced.

# The mirror this machine already uses for Debian, else the official one.
debian_mirror() {
  local uri
  uri="$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list \
    /etc/apt/sources.list.d 2> /dev/null | head -n 1 | tr -d ' ')"
  echo "${uri:-http://deb.debian.org/debian}"
}

# fetch_source_archive DIR SUITE PACKAGE[=VERSION]: puts the upstream archive
# of a source package into DIR. Needs no deb-src line on this machine and
# changes nothing on it; apt checks the signatures.
fetch_source_archive() {
  local dir="$1" suite="$2" package="$3" own
  own="$dir/apt"
  mkdir -p "$own/lists/partial" "$own/cache/archives/partial"
  printf 'deb-src [signed-by=%s] %s %s main\n' \
    /usr/share/keyrings/debian-archive-keyring.gpg \
    "$(debian_mirror)" "$suite" > "$own/sources.list"
  local opts=(-o "Dir::Etc::sourcelist=$own/sources.list"
    -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$own/lists"
    -o "Dir::Cache=$own/cache" -o APT::Sandbox::User=root)
  apt-get "${opts[@]}" update -q > "$own/log" 2>&1 \
    && (cd "$dir" && apt-get "${opts[@]}" source -q --tar-only "$package") \
      >> "$own/log" 2>&1 \
    || { cat "$own/log" >&2; return 1; }
}
