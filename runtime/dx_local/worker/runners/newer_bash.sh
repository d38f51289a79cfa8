# Sourced by the wrapper of a bash job whose bash is older than 4.4, before any code of the app: go on in a newer bash
# of this machine, or fail the job. Workers have bash 5, and macOS has 3.2, so bash 3.2 has to understand this file.

_dx_is_new='((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404))'
set -f
IFS='
'
for _dx_bash in $(type -aP bash) /opt/homebrew/bin/bash /usr/local/bin/bash /opt/local/bin/bash \
    /home/linuxbrew/.linuxbrew/bin/bash; do
    if [[ -x $_dx_bash ]] && "$_dx_bash" -c "$_dx_is_new" 2>/dev/null; then
        # `bash FILE` and `#!/usr/bin/env bash` have to find it as well.
        mkdir -p "$HOME/.dx-newer-bash"
        ln -sf "$_dx_bash" "$HOME/.dx-newer-bash/bash"
        export PATH="$HOME/.dx-newer-bash:$PATH"
        exec "$_dx_bash" -e "$0" "$@"
    fi
done

case $BASH in
*[\"\\]*) _dx_place='' ;; # it would have to be quoted in JSON
*) _dx_place=" ($BASH)" ;;
esac
_dx_message="Bash ${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]}$_dx_place is too old: jobs need 4.4 or newer, and workers \
have 5. Install a newer bash, on macOS with \`brew install bash\`."
printf '{"error": {"type": "AppInternalError", "message": "%s"}}\n' "$_dx_message" >"$HOME/job_error.json"
printf '%s\n' "$_dx_message" >&2
exit 1
