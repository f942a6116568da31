#!/bin/bash
# Run once by the image of PostgreSQL, in the new database: other hosts of its network may replicate with a password.
set -euo pipefail
echo "host replication all samenet scram-sha-256" >>"$PGDATA/pg_hba.conf"
