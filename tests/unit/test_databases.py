"""Several databases of one host, as inventories and the command line name them."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.databases import each_database
from pyinfra_pgmigrate.errors import PgMigrateError
from pyinfra_pgmigrate.settings import read_settings


class TestEachDatabase:
    def test_is_the_one_of_the_host_where_there_are_not_several(self) -> None:
        assert each_database({"pg_database": "shop"}, {}, {}) == [{}]
        assert each_database({"pg_databases": ["shop", "billing"]}, {"pg_database": "other"}, {}) == [{}]

    @pytest.mark.parametrize("value", [["shop", "billing"], ("shop", "billing"), "shop, billing"])
    def test_comes_in_the_order_in_which_they_are_named(self, value: object) -> None:
        assert each_database({"pg_databases": value}, {}, {}) == [{"pg_database": "shop"}, {"pg_database": "billing"}]

    def test_may_have_keys_of_its_own(self) -> None:
        found = each_database(
            {"pg_databases": {"shop": {"pg_sql_dir": "sql/shop"}, "billing": None}}, {"pg_check": True}, {}
        )

        assert found == [{"pg_sql_dir": "sql/shop", "pg_database": "shop"}, {"pg_database": "billing"}]
        assert str(read_settings({"pg_databases": {"shop": {}}, **found[0]}).sql_dir) == "sql/shop"

    def test_is_the_chosen_one_with_what_is_its_own(self) -> None:
        data = {"pg_databases": {"shop": {"pg_target": 3}, "billing": {}}}
        shop = {"pg_database": "shop"}

        assert each_database({**data, **shop}, {}, shop) == [{"pg_target": 3, "pg_database": "shop"}]
        with pytest.raises(PgMigrateError, match='"none": it is not in pg_databases') as caught:
            each_database({**data, "pg_database": "none"}, {}, {"pg_database": "none"})
        assert "Found shop, billing in pg_databases" in str(caught.value)

    def test_is_not_guessed_where_the_inventory_has_both(self) -> None:
        both = {"pg_databases": "shop, billing", "pg_database": "shop"}

        with pytest.raises(PgMigrateError, match="cannot use pg_database and pg_databases") as caught:
            each_database(both, {}, {})
        assert 'Found pg_database "shop" beside shop, billing' in str(caught.value)
        # The command line stands above the inventory.
        assert len(each_database(both, {}, {"pg_databases": "shop, billing"})) == 2

    @pytest.mark.parametrize(
        "value",
        [
            [],
            {},
            7,
            [""],
            "shop,,billing",
            ["shop", "shop"],
            {"shop": 1},
            {"shop": {"sql_dir": "sql"}},
            {"shop": {"pg_database": "other"}},
        ],
    )
    def test_is_named_once_with_host_data_keys_alone(self, value: object) -> None:
        with pytest.raises(PgMigrateError, match="cannot use host data key pg_databases: expected"):
            each_database({"pg_databases": value}, {}, {})

    def test_may_have_a_password_that_is_never_shown(self) -> None:
        (found,) = each_database({"pg_databases": {"shop": {"pg_password": "hush"}}}, {}, {})

        assert "hush" not in repr(found)
        with pytest.raises(PgMigrateError) as caught:
            each_database({"pg_databases": {"shop": {"pg_password": "hush", "user": "me"}}}, {}, {})
        assert "hush" not in str(caught.value)


class TestSchemas:
    def test_are_each_worked_on_in_every_database(self) -> None:
        data = {"pg_databases": {"shop": {"pg_schemas": "a, b"}, "billing": {}}}

        assert each_database(data, {}, {}) == [
            {"pg_schemas": "a, b", "pg_database": "shop", "pg_schema": "a"},
            {"pg_schemas": "a, b", "pg_database": "shop", "pg_schema": "b"},
            {"pg_database": "billing"},
        ]

    def test_may_have_keys_of_their_own(self) -> None:
        data = {"pg_database": "shop", "pg_schemas": {"a": {"pg_sql_dir": "sql/a"}, "b": None}}

        found = each_database(data, {}, {})

        assert found == [{"pg_sql_dir": "sql/a", "pg_schema": "a"}, {"pg_schema": "b"}]
        settings = read_settings({**data, **found[0]})
        assert (settings.schema, settings.scope, settings.name) == ("a", "a", "shop.a")
        assert settings.worked_on != read_settings({**data, **found[1]}).worked_on

    def test_are_no_matter_where_there_is_one(self) -> None:
        settings = read_settings({"pg_database": "shop", "pg_schema": "a"})

        assert (settings.schema, settings.scope, settings.name) == ("a", "", "shop")

    def test_one_of_them_may_be_chosen(self) -> None:
        data = {"pg_database": "shop", "pg_schemas": ["a", "b"]}

        assert each_database({**data, "pg_schema": "b"}, {}, {"pg_schema": "b"}) == [{"pg_schema": "b"}]
        assert each_database(data, {"pg_schema": "a"}, {}) == [{}]
        with pytest.raises(PgMigrateError, match='"c": it is not in pg_schemas'):
            each_database({**data, "pg_schema": "c"}, {}, {"pg_schema": "c"})
        with pytest.raises(PgMigrateError, match="cannot use pg_schema and pg_schemas"):
            each_database({**data, "pg_schema": "b"}, {}, {})

    def test_a_database_as_a_whole_has_none(self) -> None:
        data = {"pg_database": "shop", "pg_schemas": ["a", "b"]}

        (found,) = each_database(data, {}, {}, as_a_whole=True)

        assert read_settings({**data, **found}).scope == ""
        assert each_database({"pg_database": "shop"}, {}, {}, as_a_whole=True) == [{}]

    def test_operations_are_not_left_to_guess(self) -> None:
        with pytest.raises(PgMigrateError, match="could not find out which schema to use") as caught:
            read_settings({"pg_database": "shop", "pg_schemas": ["a", "b"]})
        assert "--data pg_schema=a" in str(caught.value)
