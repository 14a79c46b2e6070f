# Without a hub nobody calls the post-start hook: do it here, behind, where a server starts and there is anything to do.
# On a hub the hub calls it. PLATFORM_POST_START=no switches it off. Sourced by start.sh, which may be root: the hook
# itself becomes the user.

_platform_post_start() {
    local environments=/opt/environments words
    [ -z "${JUPYTERHUB_API_TOKEN-}" ] && [ "${PLATFORM_POST_START-}" != no ] || return 0
    [ -e "$environments/etc/post-start.json" ] || compgen -G "$environments/hooks/*" >/dev/null || return 0
    # start.sh runs every command of a container; only servers have somebody who waits for notebooks.
    words=$(tr '\0' ' ' <"/proc/$$/cmdline")
    case "$words" in
        *start-notebook* | *start-singleuser* | *jupyter*) ;;
        *) return 0 ;;
    esac
    "$environments/post-start-hook" --off-hub --background || true
}

_platform_post_start
unset -f _platform_post_start
