#!/bin/sh
# A tool server for tests of mcp_client and toolproc: does what the call's "do" (or path) says.
say() { printf '%s\n' "$1"; }
served=0
while IFS= read -r line; do
    id=${line#*\"id\":}; id=${id%%[,\}]*}
    case $line in
    *notifications/cancelled*)
        [ -z "$waiting" ] || say "{\"jsonrpc\":\"2.0\",\"id\":$waiting,\"result\":{\"structuredContent\":{\"output\":\"cancelled\"},\"isError\":true}}"
        continue ;;
    *'"method":"initialize"'*)
        say '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}'
        continue ;;
    *notifications/initialized*) initialized=yes; continue ;;
    *'"method":"tools/list"'*)
        say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"tools\":[]}}"
        continue ;;
    esac
    served=$((served + 1))
    case $line in
    *'"structured"'*)
        say "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":$id,\"progress\":1,\"message\":\"live\\n\"}}"
        say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"content\":[],\"structuredContent\":{\"exit_code\":0,\"output\":\"done\"}}}" ;;
    *'"text"'*)
        say 'this is no JSON'
        say '{"jsonrpc":"2.0","id":99,"result":{}}'
        say '{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage"}'
        IFS= read -r reply
        say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"one \"},{\"type\":\"text\",\"text\":\"two\"}],\"isError\":true}}" ;;
    *'"refused"'*)
        say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"error\":{\"code\":-32602,\"message\":\"no such thing\"}}" ;;
    *'"count"'*)
        say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"structuredContent\":{\"output\":\"$served\"}}}" ;;
    *'"environment"'*)
        names=$(env | cut -d= -f1 | sort | tr '\n' ' ')
        policy=$(cat <&3 | tr -d '"')
        say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"structuredContent\":{\"output\":\"$names|$policy|$*|$(pwd)|$initialized\"}}}" ;;
    *'"die"'*) echo 'first words' >&2; echo 'last words' >&2; exit 3 ;;
    *'"no sandbox"'*) echo 'carat-tool: sandbox unavailable: no user namespaces' >&2; exit 56 ;;
    *'"flood"'*) head -c 5000000 /dev/zero | tr '\0' a; sleep 5 ;;
    *'"mute"'*) exec 1>&-; sleep 30 ;;
    *'"hang"'*) waiting=$id ;;
    *'"until '*|*'"late until '*)
        begun="{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":$id,\"progress\":0,\"message\":\"\"}}"
        case $line in *'"late '*) ;; *) say "$begun" ;; esac
        name=${line#*until }; name=${name%%\"*}
        while [ ! -e "$name" ]; do sleep 0.02; done
        case $line in *'"late '*) say "$begun" ;; esac
        say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"structuredContent\":{\"output\":\"$name $served\"}}}" ;;
    *'"silent"'*) waiting= ;;
    *'"stubborn"'*) trap '' TERM; sleep 30 & echo $! > child; wait; wait ;;
    *'"leave child"'*)
        sleep 30 & echo $! > child
        say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"structuredContent\":{\"output\":\"left\"}}}" ;;
    esac
done
