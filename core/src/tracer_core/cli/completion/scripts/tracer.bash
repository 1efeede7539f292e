# Completes command lines of tracer in bash 4.4 and later. "tracer sh-complete --shell bash" writes it.

_tracer() {
    local kind value
    COMPREPLY=()
    while IFS=$'\t' read -r kind value _; do
        case $kind in
            open) compopt -o nospace ;;
            path) compopt -o filenames ;;
            file) compopt -o default && continue ;;
            dir) compopt -o dirnames && continue ;;
        esac
        COMPREPLY+=("$value")
    done < <(
        COMP_LINE=${COMP_LINE:0:COMP_POINT} COMP_WORDBREAKS=$COMP_WORDBREAKS \
            _TRACER_COMPLETE=bash_complete command "$1" 2>/dev/null
    )
}

complete -o nosort -F _tracer tracer
