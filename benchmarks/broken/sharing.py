"""Who else trains: processes that share a store, processes of this machine, the workers of a Dask cluster."""

from broken.mutation import Mutation

STORE, NOTICES, DASK, PROCESSES = "zoo/store.py", "zoo/notices.py", "zoo/dask.py", "zoo/processes.py"
CROWD, CACHING = "tests/zoo/test_zoo_kills.py -k crowd", "tests/test_cache.py"
STORES, ROOM, NOTICED = (f"tests/zoo/test_zoo_{name}.py" for name in ("store", "shelves", "notices"))
WORK = "tests/zoo/test_zoo_workers.py"

WRITERS = (
    Mutation(
        "what others are training is trained as well",
        NOTICES,
        "choose(self._others())",
        "choose(())",
        CROWD,
    ),
    Mutation(
        "nobody says what is being trained",
        NOTICES,
        "write_atomically(path, lambda file: file.write(json.dumps(sorted(keys)).encode()))",
        "pass",
        CROWD,
    ),
    Mutation(
        "two processes read the board at once",
        NOTICES,
        'board = _acquired(self.directory / f"{BOARD}.lock", PATIENCE)\n        except NotImplementedError:\n'
        "            choose(())",
        "board = None\n        except NotImplementedError:\n            choose(())",
        f"{NOTICED} -k one_at_a_time",
    ),
    Mutation(
        "what others have kept meanwhile is trained again",
        STORE,
        "if path.exists():",
        "if False:",
        STORES,
    ),
    Mutation(
        "where there are no locks nothing is trained",
        NOTICES,
        "            choose(())\n            return None",
        "            raise",
        CROWD,
    ),
    Mutation(
        "two writers of one file write to one place",
        "cache.py",
        'path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")',
        'path.with_name(f".{path.name}.1-00000000")',
        CACHING,
    ),
    Mutation(
        "a shelf that another has removed stops training",
        STORE,
        "_TRIES = 3",
        "_TRIES = 1",
        ROOM,
    ),
    Mutation(
        "two that make room stumble over each other",
        "zoo/shelves.py",
        "with suppress(OSError):  # gone already, or being read where that keeps a file",
        "with suppress(ZeroDivisionError):",
        ROOM,
    ),
    Mutation(
        "a run that goes while it is read stops training",
        STORE,
        "with suppress(OSError):  # read-only, or gone since",
        "with suppress(ZeroDivisionError):",
        f"{STORES} -k while_it_is_read",
    ),
)

WORKERS = (
    Mutation(
        "the data die with the worker that they were sent to",
        DASK,
        'there = client.submit(_itself, data, key=f"redundancy-data-{data.digest}-{uuid4().hex}")',
        "there = client.scatter(data)",
        f"{WORK} -k 'killed or comes_later'",
    ),
    Mutation(
        "the last run of a group is lost",
        DASK,
        "        for run in runs:\n            if run.data_digest",
        "        for run in runs[:-1]:\n            if run.data_digest",
        f"{WORK} -k worker_is_killed",
    ),
    Mutation(
        "a run of a group comes twice",
        DASK,
        "        for run in runs:\n            if run.data_digest",
        "        for run in (*runs, runs[0]):\n            if run.data_digest",
        f"{WORK} -k worker_is_killed",
    ),
    Mutation(
        "runs of a group have each other's seeds",
        "zoo/working.py",
        "return tuple(trained(unit, data))",
        "from dataclasses import replace as with_; runs = tuple(trained(unit, data)); "
        "return tuple(with_(run, seed=other.seed) for run, other in zip(runs, reversed(runs)))",
        f"{WORK} -k worker_is_killed",
    ),
    Mutation(
        "a worker that trains two groups at once mixes them up",
        "zoo/working.py",
        "with _one_at_a_time:",
        "if True:",
        f"{WORK} -k one_unit",
    ),
    Mutation(
        "the runs of a process that dies are lost",
        PROCESSES,
        "            deaths += 1\n",
        "            deaths += 1\n            left.clear()\n",
        f"{WORK} -k killed_process",
    ),
    Mutation(
        "runs that had come before a process died come twice",
        PROCESSES,
        "dict(left), data)) as arriving",
        "dict(enumerate(units(pairs, data, workers.count))), data)) as arriving",
        f"{WORK} -k now_and_then",
    ),
    Mutation(
        "processes may die for ever",
        PROCESSES,
        "if deaths == DEATHS:",
        "if deaths == 10 * DEATHS:",
        f"{WORK} -k go_on_dying",
    ),
    Mutation(
        "processes that die now and then are given up",
        PROCESSES,
        "                    deaths = 0\n",
        "",
        f"{WORK} -k now_and_then",
    ),
    Mutation(
        "what comes back is in the order in which it was finished",
        "zoo/train.py",
        "return tuple(runs[pair] for pair in wanted)",
        "return tuple(runs.values())",
        STORES,
    ),
    Mutation(
        "a worker with another backend is given work",
        DASK,
        'check_alike(f"the worker {worker}", has, facts())',
        "pass",
        f"{WORK} -k another_backend",
    ),
    Mutation(
        "a worker with other versions that comes later trains",
        "zoo/working.py",
        'check_alike(f"a worker on {socket.gethostname()}", facts(), wanted)',
        "pass",
        f"{WORK} -k comes_later",
    ),
    Mutation(
        "runs of other data are taken for these",
        DASK,
        "if run.data_digest != data.digest:",
        "if False:",
        f"{WORK} -k other_data",
    ),
    Mutation(
        "an interrupt leaves its work on the cluster",
        DASK,
        "        client.close(timeout=CLOSE)\n",
        "        pass\n",
        f"{WORK} -k interrupt",
    ),
    Mutation(
        "the last group is smaller than the others, and rounded otherwise",
        "zoo/groups.py",
        "return fused(unit.pairs, data, unit.size)",
        "return fused(unit.pairs, data)",
        f"{WORK} -k last_unit",
    ),
)
