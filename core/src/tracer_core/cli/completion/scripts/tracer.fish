# Completes command lines of tracer in fish. "tracer sh-complete --shell fish" writes it.

function __tracer_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct | string unescape)
    set -lx COMP_WORDS (begin
        for word in $before[2..]
            printf '%s\n' $word
        end
        printf '%s' $current
    end | string collect --no-trim-newlines --allow-empty)
    set -lx _TRACER_COMPLETE fish_complete
    for line in (command $before[1] 2>/dev/null)
        set -l fields (string split \t -- $line)
        switch $fields[1]
            case file
                __fish_complete_path "$current"
            case dir
                __fish_complete_directories "$current"
            case path
                test -d "$fields[2]" && echo "$fields[2]/" || echo $fields[2]
            case '*'
                string join \t -- $fields[2..]
        end
    end
end

complete --command tracer --no-files --keep-order --arguments '(__tracer_complete)'
