"""Owns what SQLAlchemy's dialect suite may ask of PostgreSQL through `postgresql+gino`.

Never excludes a single test (excluded.py does). Called by SQLAlchemy's test plugin, by the name in
setup.cfg.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

# closed unless a dialect says otherwise
_OFFERED = """
    aggregate_order_by array_type async_dialect autocommit binary_literals
    cast_precision_numerics_many_significant_digits check_constraint_reflection
    column_collation_reflection comment_reflection comment_reflection_full_unicode
    computed_columns computed_columns_reflect_persisted computed_columns_stored
    constraint_comment_reflection create_or_replace_view create_table_as create_temp_table_as
    cross_schema_fk_reflection ctes ctes_on_dml ctes_with_update_delete ctes_with_values
    date_historic datetime_historic datetime_interval datetime_literals datetime_timezone
    datetime_timezone_historic default_schema_name_switch deferrable_fks delete_from except_
    expression_server_defaults fetch_expression fetch_first fetch_no_order_by
    fetch_offset_with_options fetch_ties fk_constraint_option_reflection_ondelete_restrict
    fk_constraint_option_reflection_onupdate_restrict foreign_key_constraint_name_reflection
    foreign_key_constraint_option_reflection_ondelete
    foreign_key_constraint_option_reflection_onupdate has_temp_table identity_columns
    identity_columns_standard implicit_default_schema index_ddl_if_exists
    index_reflects_included_columns indexes_with_expressions infinity_floats
    inline_check_constraint_reflection intersect isolation_level json_type materialized_views
    mod_operator_as_percent_sign non_updating_cascade nullsordering
    order_by_label_with_expression percent_schema_names precision_numerics_enotation_small
    precision_numerics_many_significant_digits precision_numerics_retains_significant_digits
    recursive_fk_cascade reflect_indexes_with_expressions reflect_table_options
    reflect_tables_no_columns reflects_pk_names regexp_match regexp_replace
    repeated_column_foreign_keys savepoints schema_create_delete server_defaults
    skip_autocommit_rollback supports_bitwise_and supports_bitwise_not supports_bitwise_or
    supports_bitwise_shift supports_bitwise_xor supports_distinct_on table_ddl_if_exists
    table_value_constructor temp_table_comment_reflection temp_table_names temporary_views
    time_timezone timestamp_microseconds tuple_in unicode_ddl
    unique_constraints_reflect_as_index update_from uuid_data_type views window_functions
    window_range window_range_non_numeric window_range_numeric
"""


class Requirements(SuiteRequirements):
    """What PostgreSQL has, and what the driver makes of it."""

    def get_order_by_collation(self, config: Any) -> str:
        """A collation that sorts otherwise than the default."""
        return "POSIX"

    def get_isolation_levels(self, config: Any) -> dict[str, Any]:
        """The server's own default, and all levels."""
        levels = ["SERIALIZABLE", "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ"]
        return {"default": "READ COMMITTED", "supported": [*levels, "AUTOCOMMIT"]}

    @property
    def two_phase_transactions(self) -> Any:
        """Only where the server keeps room for prepared transactions."""

        def has_none(config: Any) -> bool:
            with config.db.connect() as connection:
                number = connection.exec_driver_sql("show max_prepared_transactions").scalar()
                return int(number) == 0

        return exclusions.skip_if(has_none, "max_prepared_transactions is 0")

    @property
    def computed_columns_default_persisted(self) -> Any:
        """Before 18 a computed column is stored unless it says otherwise."""
        return exclusions.only_if("postgresql < 18")

    @property
    def computed_columns_virtual(self) -> Any:
        """Since PostgreSQL 18."""
        return exclusions.only_if(lambda config: config.db.dialect.server_version_info >= (18,))


for _name in _OFFERED.split():
    setattr(Requirements, _name, property(lambda self: exclusions.open()))
