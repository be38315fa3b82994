"""Which test makes the fault behind each symptom for real: what the doctor says, and what the server does.

symptom                              doctor                            server
see `MATRIX`: each name is a test, by its file below `tests`
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TROUBLESHOOTING = TESTS.parent / "docs" / "troubleshooting.md"

MATRIX: dict[str, tuple[str, ...]] = {
    "The server doesn't start": (
        "ops/test_doctor_faults::test_a_wrong_password_a_full_house_and_a_stopped_postgres_are_told_apart",
        "ops/test_doctor::test_a_database_that_is_not_reached_is_named",
        "ops/test_doctor::test_an_unknown_database_and_login_are_told_apart",
        "ops/test_doctor::test_a_schema_that_is_missing_old_or_too_new_is_told_apart",
        "cli/test_starting::test_a_database_that_refuses_is_named_with_the_next_step",
        "cli/test_starting::test_a_server_that_was_started_before_its_database_serves_when_it_is_there",
        "store/test_embedded::test_a_failed_start_shows_the_log_and_what_to_do",
    ),
    "An extension is missing": (
        "ops/test_doctor::test_a_sound_installation_has_nothing_failed_and_an_exit_code_of_0",
        "unit/test_doctor_verdicts::test_extensions_are_said_to_be_there_and_are_never_demanded",
        "unit/test_doctor_verdicts::test_what_may_be_done_about_postgis_is_said_with_what_to_type",
        "postgis/test_turning_on::test_a_login_that_may_not_turn_it_on_goes_on_and_is_told_what_to_type",
        "postgis/test_turning_on::test_what_is_not_turned_on_needs_one_command_which_rewrites_nothing",
        "postgis/test_turning_on::test_views_that_are_missing_are_named_by_the_doctor_and_made_by_migrate",
        "postgis/test_turning_on::test_a_database_that_lost_it_goes_on_and_takes_it_back_in_any_schema",
        "backup/test_backup::test_a_restore_leaves_alone_what_belongs_to_an_extension",
    ),
    "Reading without a tenant is refused": (
        "ops/test_doctor::test_policies_that_are_gone_are_found",
        "store/test_isolation::test_without_a_tenant_every_use_is_an_error",
    ),
    "401 Unauthorized": (
        "ops/test_doctor_url::test_what_is_wrong_with_a_credential_is_told_apart",
        "ops/test_doctor_faults::test_a_token_of_a_server_whose_clock_is_ahead_is_refused_with_the_reason",
        "ops/test_doctor_faults::test_clocks_that_differ_are_found",
        "store/test_authenticate::test_a_refusal_says_what_is_wrong",
        "server/test_sync_door::test_a_revoked_key_closes_its_sockets_and_those_of_its_tokens",
    ),
    "403 or 404 though the key is right": (
        "server/test_api_access::test_a_test_key_is_told_that_it_sees_no_live_data",
        "server/test_sync_door::test_a_forbidden_document_looks_like_one_that_does_not_exist",
    ),
    "Positions don't appear": (
        "ops/test_doctor_faults::test_a_position_that_is_no_place_is_named_by_its_field",
        "ops/test_doctor::test_a_projector_that_is_not_running_values_left_out_and_quarantine_are_found",
        "server/test_projector::test_a_reject_names_the_field_and_goes_when_it_is_mended",
        "server/test_metrics::test_requests_are_counted_by_route_and_name_nobody",
    ),
    "Rate limits don't hold, or hold too much": (
        "ops/test_doctor::test_a_redis_that_is_away_is_a_warning_since_all_goes_on",
        "server/test_rate_limits::test_two_processes_count_together_and_each_for_itself_while_redis_is_away",
        "server/test_rate_limits::test_answers_say_what_is_left_and_a_refusal_when_to_come_back",
        "server/test_rate_limits::test_a_tenant_can_have_limits_of_its_own",
        "store/test_database::test_one_tenant_cannot_have_every_connection",
        "faults/test_flood::test_a_client_that_behaves_goes_on_under_a_flood",
    ),
    "The socket doesn't open": (
        "ops/test_doctor_url::"
        "test_a_proxy_that_drops_the_upgrade_is_named_and_one_that_passes_it_is_no_hindrance",
        "ops/test_doctor_url::test_a_certificate_is_verified_and_its_end_told",
        "ops/test_doctor_url::test_a_name_or_a_port_where_nothing_is_ends_it_there",
    ),
    "The socket drops": (
        "ops/test_doctor_faults::test_a_connection_that_something_between_cuts_is_told_from_a_refusal",
        "server/test_hostile_sockets::test_a_peer_that_answers_no_ping_is_dropped_and_the_app_is_told",
        "server/test_sync_door::test_draining_sends_everybody_away_with_what_they_sent_stored",
    ),
    "Edits don't arrive": (
        "ops/test_doctor_faults::test_a_postgres_that_takes_no_writes_loses_nothing_and_is_read_meanwhile",
        "ops/test_doctor::test_maintenance_is_mentioned",
        "ops/test_maintenance::test_a_socket_stays_reads_on_and_brings_its_edits_when_it_is_over",
    ),
    "A document is read-only": (
        "ops/test_doctor_faults::test_a_row_that_rots_makes_its_document_read_only_and_the_doctor_names_it",
        "server/test_release::test_an_admin_sees_which_row_and_releases_and_whoever_has_it_brings_it_back",
    ),
    "Two devices differ": (
        "interop/test_y_websocket::test_offline_edits_of_both_sides_meet",
        "unit/test_document::test_an_update_without_its_cause_is_a_gap_until_the_cause_comes",
        "server/test_dashboard_documents::test_the_list_says_who_is_there_and_finds_parts_of_names",
    ),
    "Queries or the API are slow": (
        "ops/test_doctor::test_a_missing_index_is_found_by_name",
        "ops/test_doctor_faults::test_a_statement_that_holds_up_others_is_found",
        "store/test_slow_statements::test_a_slow_statement_is_logged_with_its_plan_and_without_its_values",
        "ops/test_doctor::test_a_pool_that_postgres_can_not_serve_is_found",
        "store/test_database::test_a_pool_that_stays_empty_is_unavailable",
        "store/test_database::test_a_statement_that_takes_too_long_is_unavailable",
    ),
    "Much memory is used": (
        "ops/test_doctor_faults::test_a_container_whose_memory_is_nearly_full_is_warned_of",
        "server/test_hub::test_an_empty_room_is_unloaded_and_loads_again",
        "server/test_hub::test_a_slow_reader_is_skipped_and_then_caught_up_by_one_diff",
    ),
    "The health check fails": (
        "ops/test_doctor_url::test_a_sick_server_says_so_and_one_in_maintenance_too",
        "server/test_health::"
        "test_a_database_that_hangs_is_reported_within_two_seconds_and_again_when_it_is_back",
        "server/test_health::test_a_draining_server_is_alive_but_not_ready",
    ),
    "Too many or too few log lines": (
        "ops/test_doctor::test_the_table_is_for_people_and_each_remedy_stands_below_its_evidence",
        "server/test_log_levels::test_every_process_follows_an_operator_s_wish",
        "server/test_logs::test_a_live_server_logs_paths_but_no_credential",
    ),
    "The disk is full": (
        "faults/test_full_disk::test_a_backup_onto_a_disk_that_fills_up_leaves_nothing_and_the_next_is_good",
        "faults/test_full_disk::test_clients_lose_nothing_while_the_disk_of_postgres_is_full",
        "backup/test_backup::test_a_full_disk_is_found_before_anything_is_written",
        "ops/test_doctor::test_the_last_backup_is_judged_where_backups_are_recorded",
    ),
    "Something stored is damaged": (
        "ops/test_check::"
        "test_a_rotten_row_is_found_though_a_snapshot_hides_it_and_its_document_becomes_read_only",
        "ops/test_check::test_a_bad_snapshot_that_the_log_covers_is_put_aside_and_nothing_else_is",
        "backup/test_backup::test_one_flipped_bit_anywhere_is_found",
    ),
    "Everything is down": (
        "ops/test_maintenance::test_changes_over_http_are_refused_with_the_time_to_come_back_and_reads_go_on",
        "cli/test_backup::test_backup_verify_restore_and_list",
        "upgrade/test_upgrade::test_after_a_rollback_the_older_program_goes_on_with_the_newer_schema",
    ),
    "A deployment fails": (
        "ops/test_doctor::test_what_production_lacks_is_named_one_by_one",
        "cli/test_usage::test_production_names_every_setting_that_is_missing",
        "deploy/test_install::test_a_release_that_is_not_ready_gives_way_to_the_one_before",
        "upgrade/test_upgrade::test_an_upgrade_loses_nothing_and_needs_no_more_than_a_reconnect",
    ),
}


def test_every_symptom_of_the_docs_has_its_faults() -> None:
    headings = re.findall(r"^## (.+)$", TROUBLESHOOTING.read_text(), re.MULTILINE)
    assert [heading for heading in headings if heading != "Telling us"] == list(MATRIX)


@pytest.mark.parametrize("symptom", MATRIX)
def test_the_tests_of_a_symptom_are_there(symptom: str) -> None:
    for named in MATRIX[symptom]:
        file, _, name = named.partition("::")
        assert f"def {name}(" in (TESTS / f"{file}.py").read_text(), named
