#!/bin/sh
# Makes the secrets of docker-compose.yml in ./secrets, or in the folder that is given. What is there stays as it is.
# All but the key of the rerank endpoint are random; that one is taken from DMXAPI_API_KEY if it is set.
set -eu
folder=${1:-secrets}

# Containers read the files as users of their own; the folder keeps all other users of this machine out.
umask 022
mkdir -p "$folder"
chmod 700 "$folder"

random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

make() {
    if [ -s "$folder/$1" ]; then
        echo "kept  $folder/$1"
    else
        printf '%s\n' "$2" > "$folder/$1"
        echo "made  $folder/$1"
    fi
}

make redis-password "$(random 32)"
make gateway-tokens "rk_$(random 32)"
make flower-auth "rerankq:$(random 16)"
make grafana-password "$(random 16)"
if [ -n "${DMXAPI_API_KEY:-}" ]; then
    make upstream-keys "$DMXAPI_API_KEY"
elif [ ! -s "$folder/upstream-keys" ]; then
    : > "$folder/upstream-keys"
    echo "empty $folder/upstream-keys: put the key of the rerank endpoint there, or several with commas between them"
fi
