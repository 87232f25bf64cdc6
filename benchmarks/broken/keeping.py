"""What is kept: whatever is killed or damaged, a run comes back as it was or is trained again; and within its bound."""

from broken.mutation import Mutation

STORE, ENTRY, SHELVES, CACHE = "zoo/store.py", "zoo/entry.py", "zoo/shelves.py", "cache.py"
LIVES = "tests/zoo/test_zoo_kills.py -k 'made-up or real'"
WRITING = "tests/zoo/test_zoo_kills.py -k 'made-up or half_written'"
ENTRIES, STORES, ROOM = "tests/zoo/test_zoo_entry.py", "tests/zoo/test_zoo_store.py", "tests/zoo/test_zoo_shelves.py"
NOTICES, CACHING = "tests/zoo/test_zoo_notices.py", "tests/test_cache.py"

KILLS = (
    Mutation(
        "a run is written in its place, and not beside it",
        CACHE,
        """        with temporary.open("xb") as file:
            writer(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
""",
        """        with path.open("wb") as file:
            writer(file)
""",
        WRITING,
    ),
    Mutation(
        "a file gets its name before the disk has it",
        CACHE,
        "            os.fsync(file.fileno())\n",
        "",
        CACHING,
    ),
    Mutation(
        "the disk is asked before it was told everything",
        CACHE,
        "            file.flush()\n",
        "",
        CACHING,
    ),
    Mutation(
        "a run is given before it is kept",
        "zoo/train.py",
        """                written += store.save(run)
                del missing[run.recipe, run.seed]
                yield run, True
""",
        """                del missing[run.recipe, run.seed]
                yield run, True
                written += store.save(run)
""",
        LIVES,
    ),
    Mutation(
        "all groups are begun at once, and lost at once",
        "zoo/train.py",
        "grouping(missing, data) if workers == HERE else tuple",
        "tuple",
        LIVES,
    ),
    Mutation(
        "what the dead were training is left to them",
        "zoo/notices.py",
        "            if lock is None:\n",
        "            if True:\n",
        NOTICES,
    ),
    Mutation(
        "locks of the dead stay",
        "zoo/notices.py",
        "            lock.release()\n            _remove(place)\n",
        "            lock.release()\n",
        LIVES,
    ),
    Mutation(
        "notices of the dead stay",
        "zoo/notices.py",
        'for path in (place.with_suffix(".json"), *self.directory.glob(f".{place.stem}.json.*")):',
        "for path in ():",
        NOTICES,
    ),
    Mutation(
        "a lock outlives its process",
        "zoo/notices.py",
        "lock: BaseFileLock = FileLock(path, fallback_to_soft=False)",
        'lock: BaseFileLock = __import__("filelock").SoftFileLock(path)',
        NOTICES,
    ),
)

CORRUPTION = (
    Mutation(
        "the digest is not looked at",
        ENTRY,
        "if len(content) > expected.most or signed(content) != content:",
        "if len(content) > expected.most:",
        ENTRIES,
    ),
    Mutation(
        "the digest is of the first half only",
        ENTRY,
        "hashlib.sha256(body)",
        "hashlib.sha256(body[: len(body) // 2])",
        ENTRIES,
    ),
    Mutation(
        "an array that breaks off is filled up with zeros",
        ENTRY,
        """    if len(member) - stream.tell() != math.prod(told) * dtype.itemsize:
        raise ValueError("an array is of another length than it says")
    stored = np.frombuffer(member, dtype.newbyteorder("<"), offset=stream.tell()).reshape(told)
""",
        """    whole = member[stream.tell() :].ljust(math.prod(told) * dtype.itemsize, bytes(1))
    stored = np.frombuffer(whole, dtype.newbyteorder("<")).reshape(told)
""",
        ENTRIES,
    ),
    Mutation(
        "an entry of another run is believed",
        ENTRY,
        "if meta[name] != value or type(meta[name]) is not type(value):",
        'if name not in ("key", "seed") and (meta[name] != value or type(meta[name]) is not type(value)):',
        STORES,
    ),
    Mutation(
        "meta data are believed whatever they say",
        ENTRY,
        "if meta[name] != value or type(meta[name]) is not type(value):",
        "if name not in meta:",
        ENTRIES,
    ),
    Mutation(
        "a damaged entry is no error, but the untrained network",
        ENTRY,
        "        raise DamagedError(str(error)) from error\n    return run\n",
        "        return Run(expected.recipe, expected.seed, expected.structure, 0.0, 0.0, expected.data_digest)\n"
        "    return run\n",
        ENTRIES,
    ),
    Mutation(
        "a damaged entry is thrown away, and not set aside",
        STORE,
        'path.replace(path.with_name(f"{path.name}.bad"))',
        "path.unlink()",
        STORES,
    ),
    Mutation(
        "a damaged entry that another process has set aside stops training",
        STORE,
        "        except FileNotFoundError:  # another process was quicker\n            return\n",
        "",
        STORES,
    ),
    Mutation(
        "a file is read to its end, however large",
        STORE,
        "source.read(expected.most + 1)",
        "source.read(1 << 30)",
        ENTRIES,
    ),
    Mutation(
        "compressed arrays are unpacked, however large",
        ENTRY,
        "member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size for",
        "False for",
        ENTRIES,
    ),
    Mutation(
        "runs of other versions are taken for these",
        STORE,
        "seed, data_digest, versions()])",
        "seed, data_digest])",
        STORES,
    ),
)

BOUND = (
    Mutation(
        "the runs go that were used last",
        SHELVES,
        "there = sorted(files(directory), key=lambda file: file.used)",
        "there = sorted(files(directory), key=lambda file: -file.used)",
        ROOM,
    ),
    Mutation("the bound is not looked at", SHELVES, "    if taken <= most:\n", "    if taken >= 0:\n", ROOM),
    Mutation("to load a run is not to use it", STORE, "os.utime(path)", "path.stat()", ROOM),
    Mutation("runs go that are wanted now", SHELVES, " and file.path.stem not in stay:", ":", ROOM),
    Mutation(
        "files of others go as well",
        SHELVES,
        "if name.fullmatch(found.name)",
        "if name.match(found.name)",
        ROOM,
    ),
    Mutation(
        "what is being written goes",
        SHELVES,
        "if file.kind != TEMPORARY and",
        "if",
        ROOM,
    ),
    Mutation(
        "what the killed had begun to write stays for ever",
        SHELVES,
        "TEMPORARY: 86400.0}",
        "TEMPORARY: math.inf}",
        ROOM,
    ),
    Mutation(
        "training looks at the bound only when it is finished",
        "zoo/train.py",
        "if written > store.limit * SLACK:",
        "if False:",
        ROOM,
    ),
    Mutation(
        "training does not look at the bound when it is finished",
        "zoo/train.py",
        "if written and not missing:",
        "if False:",
        ROOM,
    ),
)
