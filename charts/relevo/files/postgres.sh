#!/bin/sh
# Makes a database's data folder, roles and database, or brings them up to date, before its server answers anybody.
#
# The superuser is the server's own (POSTGRES_USER_FILE, POSTGRES_PASSWORD_FILE); who works with the database owns it and
# no more ($LOGINS/owner). In RAW there is the inference API's login too ($LOGINS/serving), which prepare gives its rights.
# A guest has a database of its own beside it, whose logins ($LOGINS/owner-RELEASE, $LOGINS/serving-RELEASE) are let in
# there alone.
# Every password is set as its file says, so that a new one holds from the next start on. Stopped at any line and run
# again it comes to the same.
set -eu
umask 077
PGHOST="$(mktemp -d)"  # only this script finds the socket there
export PGHOST
# No password in the server's log or in its list of what is running; and no function but PostgreSQL's own is called, for the
# owner may have made one of the same name.
PGOPTIONS="-c log_statement=none -c log_min_duration_statement=-1 -c log_min_error_statement=panic"
export PGOPTIONS="$PGOPTIONS -c track_activities=off -c search_path=pg_catalog"
superuser="$(cat "$POSTGRES_USER_FILE")"
owner="$(cat "$LOGINS/owner/username")"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  rm -rf "$PGDATA.new"
  initdb --pgdata="$PGDATA.new" --username="$superuser" --encoding=UTF8 --auth=scram-sha-256 --pwfile="$POSTGRES_PASSWORD_FILE"
  mv "$PGDATA.new" "$PGDATA"
fi
cat > "$PGDATA/pg_hba.conf" <<'HBA'
# A guest's logins: to the database of the same name as the role that they are in, and to no other.
host samerole +relevo_guests all scram-sha-256
host all +relevo_guests all reject
host all all all scram-sha-256
HBA
echo 'local all all trust' > "$PGHOST/pg_hba.conf"
trap 'pg_ctl stop --mode=fast --timeout=3600; rm -r "$PGHOST"' EXIT
# It may have much to recover from a crash.
pg_ctl start --timeout=86400 --options="-c listen_addresses= -c unix_socket_directories=$PGHOST -c hba_file=$PGHOST/pg_hba.conf"

say() {  # what stands on stdin, as a user, to a database
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$1" --dbname="$2"
}

log_in() {  # the role of a folder with a name and a password may log in, and nothing else
  LOGIN="$1" say "$superuser" postgres <<'SQL'
\set name `cat "$LOGIN/username"`
\set password `cat "$LOGIN/password"`
select format('create role %I', :'name') where not exists (select from pg_roles where rolname = :'name') \gexec
alter role :"name" login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password :'password';
SQL
}

# In a volume of an earlier release the owner is the superuser that initdb made, who can never be less. So that role gets
# the superuser's name, and the owner's is made anew. No role can rename itself: one that is made for it does.
if ! echo | say "$superuser" postgres 2> /dev/null; then
  say "$owner" postgres <<'SQL'
drop role if exists relevo_renaming;
create role relevo_renaming superuser login;
SQL
  SUPERUSER="$superuser" OWNER="$owner" say relevo_renaming postgres <<'SQL'
\set superuser `echo "$SUPERUSER"`
\set owner `echo "$OWNER"`
alter role :"owner" rename to :"superuser";
SQL
fi

log_in "$LOGINS/owner"
if [ -d "$LOGINS/serving" ]; then log_in "$LOGINS/serving"; fi
OWNER="$owner" say "$superuser" postgres <<'SQL'
drop role if exists relevo_renaming;
\set superuser_password `cat "$POSTGRES_PASSWORD_FILE"`
alter role current_user password :'superuser_password';
\set owner `echo "$OWNER"`
\set database `echo "$POSTGRES_DB"`
grant pg_monitor to :"owner"; -- the exporter logs in as the owner
select format('create database %I owner %I', :'database', :'owner')
    where not exists (select from pg_database where datname = :'database') \gexec
alter database :"database" owner to :"owner";
SQL

for folder in "$LOGINS"/owner-*; do
  if [ ! -d "$folder" ]; then continue; fi  # there is no guest
  release="${folder##*/owner-}"
  log_in "$folder"
  GUEST="guest_$release" OWNER="$(cat "$folder/username")" say "$superuser" postgres <<'SQL'
\set guest `echo "$GUEST"`
\set owner `echo "$OWNER"`
select format('create role %I', name) from (values ('relevo_guests'), (:'guest')) as wanted (name)
    where not exists (select from pg_roles where rolname = name) \gexec
grant relevo_guests to :"guest";
grant :"guest" to :"owner";
select format('create database %I owner %I', :'guest', :'owner')
    where not exists (select from pg_database where datname = :'guest') \gexec
alter database :"guest" owner to :"owner";
revoke all on database :"guest" from public;
grant connect, temporary on database :"guest" to :"guest";
SQL
  if [ ! -d "$LOGINS/serving-$release" ]; then continue; fi
  log_in "$LOGINS/serving-$release"
  GUEST="guest_$release" SERVING="$(cat "$LOGINS/serving-$release/username")" say "$superuser" postgres <<'SQL'
\set guest `echo "$GUEST"`
\set serving `echo "$SERVING"`
grant :"guest" to :"serving";
SQL
done

# What a volume of an earlier release holds, or somebody made as the superuser, is the owner's; extensions stay as they are.
OWNER="$owner" say "$superuser" "$POSTGRES_DB" <<'SQL'
\set owner `echo "$OWNER"`
select format('alter %s %s owner to %I', kind, name, :'owner')
from (
    select 'schema' as kind, quote_ident(nspname) as name, nspowner as owner, 'pg_namespace'::regclass as class, oid
    from pg_namespace
    union all
    select 'table', oid::regclass::text, relowner, 'pg_class'::regclass, oid from pg_class
    where relkind in ('r', 'p', 'v', 'm', 'f', 'S') and not exists ( -- a column's sequence follows its table
        select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('a', 'i')
    )
    union all
    select 'type', pg_type.oid::regtype::text, typowner, 'pg_type'::regclass, pg_type.oid
    from pg_type left join pg_class on pg_class.oid = typrelid
    where typtype in ('e', 'd', 'r') or relkind = 'c'
    union all
    select 'routine', oid::regprocedure::text, proowner, 'pg_proc'::regclass, oid from pg_proc
) as found
where owner = current_user::text::regrole and oid >= 16384 and not exists (
    select from pg_depend where classid = found.class and objid = found.oid and deptype = 'e'
)
\gexec
SQL
