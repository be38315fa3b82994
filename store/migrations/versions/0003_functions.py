"""What needs the owner's rights, as functions: looking up keys, and making a month's partition.

Why: a key says which tenant it belongs to, so it is looked up before a tenant is known; and the
projector must be able to add a partition without owning the table. Each function does one thing,
fixes its search path, and may be called by one role only.
Locks: none on tables.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FUNCTIONS = {
    "find_api_key(bytea)": (
        "webhost_app",
        """
        create function public.find_api_key(hash bytea)
        returns table (
          tenant_id bigint, tenant_slug text, tenant_name text, environment text,
          tenant_created_at timestamptz, id uuid, name text, prefix text, scopes text[], documents text[],
          created_at timestamptz, expires_at timestamptz, last_used_at timestamptz, revoked_at timestamptz
        )
        language sql stable security definer
        set search_path = pg_catalog, pg_temp
        as $$
          select t.id, t.slug, t.name, t.environment, t.created_at,
                 k.id, k.name, k.prefix, k.scopes, k.documents,
                 k.created_at, k.expires_at, k.last_used_at, k.revoked_at
          from public.api_keys k join public.tenants t on t.id = k.tenant_id
          where k.key_hash = hash
        $$
        """,
    ),
    "valid_api_keys(uuid[])": (
        "webhost_app",
        """
        create function public.valid_api_keys(ids uuid[]) returns setof uuid
        language sql stable security definer
        set search_path = pg_catalog, pg_temp
        as $$
          select id from public.api_keys
          where id = any (ids) and revoked_at is null and (expires_at is null or expires_at > now())
        $$
        """,
    ),
    # ATTACH, unlike CREATE … PARTITION OF, lets readers and writers of other months go on. It looks
    # through the default partition; when that already holds fixes of this month (check_violation)
    # they stay where they are, and so does every later one of that month.
    "ensure_positions_month(timestamptz)": (
        "webhost_projector",
        """
        create function public.ensure_positions_month(fix_time timestamptz) returns boolean
        language plpgsql volatile security definer
        set search_path = pg_catalog, pg_temp
        set timezone = 'UTC'
        as $$
        declare
          first_day timestamptz;
          partition_name text;
        begin
          if fix_time is null or fix_time < '2000-01-01' or fix_time >= '2100-01-01' then
            return false;
          end if;
          first_day := date_trunc('month', fix_time);
          partition_name := 'gps_positions_' || to_char(first_day, 'YYYY_MM');
          if to_regclass('public.' || partition_name) is not null then
            return true;
          end if;
          perform pg_advisory_xact_lock(hashtextextended('gps_positions', 0));
          -- A query, since to_regclass still believes what it saw before the wait.
          if exists (
            select from pg_class where relname = partition_name and relnamespace = 'public'::regnamespace
          ) then
            return true;
          end if;
          execute format(
            'create table public.%I (like public.gps_positions including defaults including constraints)',
            partition_name
          );
          execute format('alter table public.%I enable row level security', partition_name);
          execute format(
            'alter table public.gps_positions attach partition public.%I for values from (%L) to (%L)',
            partition_name, first_day, first_day + interval '1 month'
          );
          return true;
        exception when check_violation then
          return false;
        end $$
        """,
    ),
}


def upgrade() -> None:
    for signature, (role, definition) in FUNCTIONS.items():
        op.execute(definition)
        op.execute(f"revoke execute on function public.{signature} from public")
        op.execute(f"grant execute on function public.{signature} to {role}")
