#!/bin/bash
# A streaming replica of the host PRIMARY: copied from it once, then kept up by PostgreSQL.
set -euo pipefail
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # To its end or not at all: a copy that broke off would be no database.
  find "$PGDATA" -mindepth 1 -delete
  pg_basebackup --host "$PRIMARY" --port "${PRIMARY_PORT:-5432}" --username terminology \
    --pgdata "$PGDATA" --wal-method stream --checkpoint fast --write-recovery-conf
fi
chmod 700 "$PGDATA"
exec postgres "$@"
