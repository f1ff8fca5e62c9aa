"""Operations: each declares a state of a database and yields what brings it about.

What happens in them is taken down for the report.
"""

from ..host.events import subscribe
from ..report.writer import journal_of

subscribe(journal_of)
