from tests.conftest import on_all_versions
from tests.support.harness import migrate, status

@on_all_versions
def test_x(legacy):
    r = migrate(legacy.settings())
    print(r.text); print(r)
    assert r.ok
    r = migrate(legacy.settings())
    print(r)
    assert not r.changed
    print(status(legacy.settings()).text)
