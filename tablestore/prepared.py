"""What a commit is going to publish: files that are durable and that no snapshot names yet. Many writers may prepare
parts of one commit, in processes of their own; whoever holds the parts publishes them as one snapshot (spec §16.9)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from tablestore.core import Core
from tablestore.errors import FormatError, PreparedGoneError
from tablestore.file import layout
from tablestore.file.manifest import Entry
from tablestore.file.part import KeyDeletes, Part
from tablestore.file.snapshot import WriterIdentity
from tablestore.lsm import relocation
from tablestore.lsm.lineage import Version
from tablestore.storage import NotFoundError
from tablestore.transaction import Outcome, Proposal, Transaction, added, check_fence

Live = Callable[[Version, Collection[int]], list[Entry]]
Propose = Callable[[Version, Part], Proposal]


def join(parts: Iterable[Part]) -> Part:
    """All parts as one: the files and deletes of a later part are newer than those of an earlier one."""
    entries: list[Entry] = []
    key_deletes: list[KeyDeletes] = []
    ordinals = 0
    for part in parts:
        entries.extend(replace(entry, ordinal=entry.ordinal + ordinals) for entry in part.entries)
        key_deletes.extend(replace(item, ordinal=item.ordinal + ordinals) for item in part.key_deletes)
        ordinals += part.ordinals
    return Part(tuple(entries), tuple(key_deletes), ordinals)


def propose(core: Core, base: Version, part: Part, live_entries: Live | None = None) -> Proposal:
    """What to publish on `base`: the part's files, and what spec §12.3 and §12.5 add to them.

    live_entries: the live files of some buckets that the rows may meet; all that are live by default.
    """
    extra: list[Entry] = []
    entries = part.entries
    if part.key_deletes or core.schema.cross_partition:
        touched = {entry.bucket for entry in entries} | {keys.bucket for keys in part.key_deletes}
        live = (
            core.bucket_entries(base.snapshot, touched)
            if live_entries is None
            else live_entries(base, touched)
        )
        extra = relocation.resolve_key_deletes(core.cache, live, entries, part.key_deletes, base.id)
        if core.schema.cross_partition:
            own = [*entries, *extra]
            extra.extend(relocation.relocate(core.cache, live, own, base.id, part.ordinals))
    return Proposal("append", added([*entries, *extra]), tuple(extra))


def transaction(
    core: Core,
    part: Part,
    proposing: Propose,
    identity: WriterIdentity | None = None,
    watermark: int | None = None,
) -> Transaction:
    """The commit that publishes a part. Without changes nothing is published, unless an identity or a watermark is
    given."""
    recorded = identity is not None or watermark is not None

    def build(base: Version) -> Proposal | None:
        check_fence(base.snapshot.fence, part.entries)
        proposal = proposing(base, part)
        return proposal if proposal.changes or recorded else None

    return Transaction(core, build, identity, watermark)


def publish(core: Core, parts: Iterable[Part], identity: WriterIdentity, again: bool = False) -> Outcome:
    """Publish parts as one snapshot, once: what is in the table already under the identity is not published again, nor
    is a commit without rows. again: somebody may have tried before, and died.

    The files stay whatever happens: whoever holds the parts may try again. Raises PreparedGoneError if the table was
    cleaned since they were prepared or an attempt came to nothing, CommitConflictError, CommitUnknownError,
    StorageError.
    """
    part = join(parts)
    if part.empty:
        return Outcome(core.lineage.newest(), False)
    if again:
        check_not_expired(core, identity)
    newest = core.lineage.newest()
    if newest.snapshot.committers.get(identity.id, -1) >= identity.commit_id:
        return Outcome(newest, False)
    check_present(core, newest, part)
    publication = transaction(core, part, lambda base, given: propose(core, base, given), identity)
    try:
        return publication.commit()
    except Exception:
        check_present(core, core.lineage.newest(), part)
        raise


def check_not_expired(core: Core, identity: WriterIdentity) -> None:
    """Raises PreparedGoneError if an earlier attempt published the commit under an id that had expired, so that it is
    not in the table and an expirer deletes its files (spec §11.6). Call it before `check_present`: an expirer deletes
    the files first and the snapshot last, so that one of the two finds out."""
    boundary = core.lineage.boundary()
    for number in [number for number in core.lineage.ids() if number < boundary]:
        try:
            found = core.lineage.read(number).snapshot
        except (NotFoundError, FormatError):
            continue  # deleted since, or one that an expirer cannot read either
        newest = core.lineage.newest().snapshot
        if found.writer == identity and newest.committers.get(identity.id, -1) < identity.commit_id:
            raise PreparedGoneError(
                f"an earlier attempt at this commit stopped for so long that its snapshot {number} had expired when "
                "it was published; its files are deleted with that snapshot. Write the rows again, for a Flink job by "
                "restoring it from an earlier checkpoint or savepoint; and expire with an age limit longer than "
                "commits take"
            )


def check_present(core: Core, newest: Version, part: Part) -> None:
    """Raises PreparedGoneError if files of the part were cleaned, or may be cleaned at any moment (spec §15.7)."""
    fence = newest.snapshot.fence
    for entry in part.entries:
        base = layout.base_of(entry.file)
        reason = f"it was written after snapshot {base}, and the fence is {fence}" if base < fence else ""
        if not reason:
            try:
                if core.storage.size(core.cache.path_of(entry.place, entry.file)) == entry.size:
                    continue
                reason = "it has another size"
            except NotFoundError:
                reason = "it is not there"
        raise PreparedGoneError(
            f"rows that were prepared for a commit cannot be published any more, because {core.storage.root} was "
            f"cleaned before the commit came: file {entry.file}: {reason}. Write the rows again, for a Flink job by "
            "restoring it from an earlier checkpoint or savepoint; and clean with an age limit longer than commits, "
            "and pauses between a savepoint and its restore, take"
        )


def discard(core: Core, part: Part) -> None:
    """Delete the files of a part that has provably not been published, and never will be."""
    Transaction(core, lambda base: None).discard(part.entries)
