#!/usr/bin/env python3
"""Asks DuckDB, Polars, DataFusion and report-query the same questions over the same events.

Usage: benches/query-peers.py [--events N] [--threads T...] [--seconds S] [--only PART]

The events are made by `query_ratios write`, loaded into each engine's memory and asked
there, each engine in a process of its own that is held to so many processors, one after
the other. Every answer must be equal to ours. What an engine takes for nothing (`SELECT 1`
or a query of no rows) is shown, and subtracted in the ratios. PyPI's `duckdb`, `polars`,
`datafusion` and `pyarrow` are installed into target/query-peers. Linux only.
"""

import argparse
import calendar
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
HOME = TARGET / "query-peers"
PACKAGES = ["duckdb", "polars", "datafusion", "pyarrow"]
START = 1_790_000_000 // 86_400 * 86_400 * 1_000_000
DAY = 86_400 * 1_000_000
WEEK = (START + 7 * DAY, START + 14 * DAY)
CODED = ["source", "activity", "category", "result", "target_type", "domain", "method", "actor"]
FACETS = ["activity", "result", "category", "domain", "method"]
ENGINES = ["duckdb-enum", "duckdb-varchar", "polars", "polars-stream", "datafusion", "datafusion-str"]


def sql(engine):
    """The questions in SQL; `us(x)` is microseconds."""
    duck = engine.startswith("duckdb")
    micros = (lambda x: f"epoch_us({x})") if duck else (lambda x: f"CAST({x} AS BIGINT)")
    when = (lambda us: f"make_timestamp({us})") if duck else (lambda us: f"to_timestamp_micros({us})")
    under = f"time >= {when(WEEK[0])} AND time < {when(WEEK[1])}"
    whole = f"{micros('time')} AS time, lower(hex(id)) AS id" if duck else f"{micros('time')} AS time, encode(id, 'hex') AS id"
    facets = " UNION ALL ".join(
        f"SELECT {n} AS facet, CAST({name} AS VARCHAR) AS value, count(*) AS count FROM f GROUP BY {name}"
        for n, name in enumerate(FACETS)
    )
    seconds = "CAST(trunc((a.m - b.m) / 1000000.0) AS BIGINT)"
    lists = (
        "SELECT t, count(*) AS n FROM (SELECT unnest(targets) AS t FROM lists WHERE activity = 'activity-000001')"
        " WHERE starts_with(t, 'group-') GROUP BY t ORDER BY n DESC, t LIMIT 100"
    )
    latest = "arg_max(result, time)" if duck else "last_value(result ORDER BY time)"
    all_columns = "time, id, source, activity, category, result, actor, target, target_type, latency, domain, request, method, display_name"
    questions = {
        "q1_count_under_time_source_result": f"SELECT count(*) FROM events WHERE {under} AND source = 'source-000001' AND result = 'result-000000'",
        "q2_by_activity_and_result": "SELECT activity, result, count(*) FROM events GROUP BY activity, result",
        "q3_daily_by_activity": f"SELECT {micros('d')}, activity, n FROM (SELECT date_trunc('day', time) AS d, activity, count(*) AS n FROM events GROUP BY d, activity)",
        "q4_top_actors_of_one_activity": "SELECT CAST(actor AS VARCHAR), count(*) AS n FROM events WHERE activity = 'activity-000002' GROUP BY actor ORDER BY n DESC, CAST(actor AS VARCHAR) LIMIT 10",
        "q5_distinct_actors_by_activity": "SELECT activity, count(DISTINCT actor) FROM events GROUP BY activity",
        "q6_substring_rare": "SELECT count(*) FROM events WHERE display_name LIKE '%Payroll 0001%'",
        "q6_substring_rare_any_case": "SELECT count(*) FROM events WHERE display_name ILIKE '%payroll 0001%'",
        "q6_substring_common": "SELECT count(*) FROM events WHERE display_name LIKE '%Shift%'",
        "q7_newest_50_of_one_actor": f"SELECT {all_columns} FROM events WHERE actor = 'actor-000200' ORDER BY time DESC LIMIT 50",
        "q8_newest_100_of_a_category": f"SELECT {all_columns} FROM events WHERE category = 'category-000003' ORDER BY time DESC LIMIT 100",
        "q9_latency_percentiles_by_activity": "SELECT activity, quantile_disc(latency, 0.5), quantile_disc(latency, 0.95), quantile_disc(latency, 0.99) FROM events GROUP BY activity" if duck else None,
        "q10_pairs_of_request_and_approval": (
            f"WITH b AS (SELECT request, {micros('min(time)')} AS m FROM events WHERE activity = 'activity-000000' GROUP BY request),"
            f" a AS (SELECT request, {micros('min(time)')} AS m FROM events WHERE activity = 'activity-000001' GROUP BY request)"
            f" SELECT count(*), avg({seconds}) FROM b JOIN a ON b.request = a.request WHERE a.m >= b.m"
        ),
        "q11_five_facets_under_a_filter": f"WITH f AS MATERIALIZED (SELECT {', '.join(FACETS)} FROM events WHERE {under} AND source = 'source-000001') {facets}" if duck
        else f"WITH f AS (SELECT {', '.join(FACETS)} FROM events WHERE {under} AND source = 'source-000001') {facets}",
        "q12_latest_activity_per_person": "SELECT actor, arg_max(activity, time) FROM events GROUP BY actor" if duck
        else "SELECT actor, last_value(activity ORDER BY time) FROM events GROUP BY actor",
        "q13_members_added_by_group": lists,
        "q14_flows_by_latest_result": f"SELECT latest, count(*), sum(methods) FROM (SELECT request, {latest} AS latest, count(DISTINCT method) AS methods FROM events GROUP BY request) GROUP BY latest",
    }
    return {name: text for name, text in questions.items() if text}


def columns_of(name):
    """Which columns of a whole row are compared: time and id say which row it is."""
    return (0, 1) if name.startswith(("q7", "q8")) else None


def plain(value):
    if hasattr(value, "timestamp"):
        return calendar.timegm(value.timetuple()) * 1_000_000 + value.microsecond
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if type(value).__name__ == "Decimal":
        return int(value)
    return value


def rows_of(table, name):
    columns = [table.column(at).to_pylist() for at in range(table.num_columns)]
    chosen = columns_of(name)
    if chosen:
        columns = [columns[at] for at in chosen]
    return [[plain(value) for value in row] for row in zip(*columns)]


def measure(run, seconds):
    times = []
    begun = time.monotonic()
    while len(times) < 3 or (len(times) < 31 and time.monotonic() - begun < seconds):
        at = time.perf_counter()
        run()
        times.append(time.perf_counter() - at)
    return statistics.median(times), min(times)


def say(**what):
    print(json.dumps(what), flush=True)


def ask(questions, run, fixed, seconds, only):
    """`run(question)` gives an Arrow table."""
    median, least = measure(lambda: run(fixed), seconds)
    say(name="fixed", median=median, min=least)
    for name, question in questions.items():
        if only not in name:
            continue
        answer = rows_of(run(question), name)
        median, least = measure(lambda: run(question), seconds)
        say(name=name, median=median, min=least, answer=answer)


def resident():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024


def in_memory(path):
    import pyarrow as pa

    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def duckdb_peer(engine, folder, threads, seconds, only):
    import duckdb

    db = duckdb.connect()
    db.execute(f"SET threads = {threads}; SET TimeZone = 'UTC'; SET preserve_insertion_order = true")
    for table in ["events", "lists"]:
        source = in_memory(folder / f"{table}.arrow")
        if engine == "duckdb-enum":
            coded = [name for name in CODED if name in source.column_names]
            for name in coded:
                db.execute(f"CREATE TYPE {table}_{name} AS ENUM (SELECT DISTINCT {name} FROM source ORDER BY 1)")
            kept = ", ".join(f"{name}::{table}_{name} AS {name}" if name in coded else name for name in source.column_names)
        else:
            kept = "*"
        db.execute(f"CREATE TABLE {table} AS SELECT {kept} FROM source")
        del source
    yield
    ask(sql(engine), lambda text: db.sql(text).to_arrow_table(), "SELECT 1", seconds, only)


def datafusion_peer(engine, folder, threads, seconds, only):
    import datafusion
    import pyarrow as pa

    config = datafusion.SessionConfig().with_target_partitions(threads)
    context = datafusion.SessionContext(config)
    for table in ["events", "lists"]:
        source = in_memory(folder / f"{table}.arrow")
        if engine == "datafusion":
            for at, name in enumerate(source.column_names):
                if name in CODED:
                    source = source.set_column(at, name, source.column(at).dictionary_encode())
            source = source.unify_dictionaries()
        parts = source.to_batches()
        context.register_record_batches(table, [parts[n::threads] for n in range(threads)])
        del source

    def run(text):
        batches = context.sql(text).collect()
        return pa.Table.from_batches(batches) if batches else pa.table({})

    yield
    ask(sql(engine), run, "SELECT 1", seconds, only)


def polars_peer(engine, folder, _threads, seconds, only):
    import polars as pl

    frames = {}
    for table in ["events", "lists"]:
        frame = pl.from_arrow(in_memory(folder / f"{table}.arrow"), rechunk=True)
        coded = [name for name in CODED if name in frame.columns]
        frames[table] = frame.with_columns(pl.col(coded).cast(pl.Categorical))
        del frame
    events, lists = frames["events"].lazy(), frames["lists"].lazy()
    when = lambda us: pl.lit(us).cast(pl.Datetime("us"))
    under = (pl.col("time") >= when(WEEK[0])) & (pl.col("time") < when(WEEK[1])) & (pl.col("source") == "source-000001")
    quantile = lambda q: pl.col("latency").quantile(q, "equiprobable").cast(pl.Int64).alias(f"p{q}")
    first = lambda activity, name: events.filter(pl.col("activity") == activity).group_by("request").agg(pl.col("time").min().alias(name))
    facet = lambda n, name: events.filter(under).group_by(name).agg(pl.len().alias("count")).select(
        pl.lit(n).alias("facet"), pl.col(name).cast(pl.String).alias("value"), "count"
    )
    questions = {
        "q1_count_under_time_source_result": events.filter(under & (pl.col("result") == "result-000000")).select(pl.len()),
        "q2_by_activity_and_result": events.group_by("activity", "result").len(),
        "q3_daily_by_activity": events.group_by(pl.col("time").dt.truncate("1d"), "activity").len(),
        "q4_top_actors_of_one_activity": events.filter(pl.col("activity") == "activity-000002").group_by("actor").len()
        .with_columns(pl.col("actor").cast(pl.String)).sort(["len", "actor"], descending=[True, False]).head(10),
        "q5_distinct_actors_by_activity": events.group_by("activity").agg(pl.col("actor").n_unique()),
        "q6_substring_rare": events.filter(pl.col("display_name").str.contains("Payroll 0001", literal=True)).select(pl.len()),
        "q6_substring_rare_any_case": events.filter(pl.col("display_name").str.contains("(?i)payroll 0001")).select(pl.len()),
        "q6_substring_common": events.filter(pl.col("display_name").str.contains("Shift", literal=True)).select(pl.len()),
        "q7_newest_50_of_one_actor": events.filter(pl.col("actor") == "actor-000200").sort("time", descending=True).head(50),
        "q8_newest_100_of_a_category": events.filter(pl.col("category") == "category-000003").sort("time", descending=True).head(100),
        "q9_latency_percentiles_by_activity": events.group_by("activity").agg(quantile(0.5), quantile(0.95), quantile(0.99)),
        "q10_pairs_of_request_and_approval": first("activity-000000", "created").join(first("activity-000001", "approved"), on="request")
        .filter(pl.col("approved") >= pl.col("created"))
        .select(pl.len(), (pl.col("approved") - pl.col("created")).dt.total_seconds().mean().alias("wait")),
        "q11_five_facets_under_a_filter": pl.concat([facet(n, name) for n, name in enumerate(FACETS)]),
        "q12_latest_activity_per_person": events.group_by("actor").agg(pl.col("activity").get(pl.col("time").arg_max())),
        "q13_members_added_by_group": lists.filter(pl.col("activity") == "activity-000001").select(pl.col("targets").explode())
        .filter(pl.col("targets").str.starts_with("group-")).group_by("targets").len()
        .sort(["len", "targets"], descending=[True, False]).head(100),
        "q14_flows_by_latest_result": events.group_by("request")
        .agg(pl.col("result").get(pl.col("time").arg_max()).alias("latest"), pl.col("method").n_unique().alias("methods"))
        .group_by("latest").agg(pl.len(), pl.col("methods").sum()),
    }
    way = "streaming" if engine == "polars-stream" else "in-memory"
    fixed = pl.LazyFrame({"one": [1]})
    yield
    ask(questions, lambda frame: frame.collect(engine=way).to_arrow(), fixed, seconds, only)


def peer(engine, folder, threads, seconds, only):
    """Runs one engine in this process."""
    kinds = {"duckdb": duckdb_peer, "polars": polars_peer, "datafusion": datafusion_peer}
    steps = kinds[engine.split("-")[0]](engine, folder, threads, seconds, only)
    begun = time.monotonic()
    next(steps)
    say(load_seconds=time.monotonic() - begun, bytes=resident())
    for _ in steps:
        pass


def hold_to(threads):
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:threads]))


def lines_of(command, threads):
    env = {**os.environ, "POLARS_MAX_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads), "TOKIO_WORKER_THREADS": str(threads)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=env, preexec_fn=lambda: hold_to(threads))
    if done.returncode != 0:
        sys.exit(f"{command[-1]}: ended with {done.returncode}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line.get("name", "load"): line for line in lines}


def comparable(answer):
    """Rows in an order of their own, floats to nine digits."""
    rounded = [[f"{value:.9g}" if isinstance(value, float) else value for value in row] for row in answer]
    return sorted(rounded, key=json.dumps)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=int, default=3, help="for each question and engine")
    parser.add_argument("--only", default="", help="questions that have this in their names")
    parser.add_argument("--engines", nargs="+", default=ENGINES, help="of " + ", ".join(ENGINES))
    parser.add_argument("--as-peer", help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = HOME / f"events-{given.events}"
    if given.as_peer:
        return peer(given.as_peer, folder, given.threads[0], given.seconds, given.only)

    python = HOME / "bin" / "python"
    if not python.exists():
        venv.create(HOME, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
    build = ["cargo", "build", "-q", "--release", "-p", "hybrid-benches", "--features", "peers", "--bin", "query_ratios"]
    subprocess.run(build, check=True, cwd=ROOT)
    ours = TARGET / "release" / "query_ratios"
    if not (folder / "lists.arrow").exists():
        subprocess.run([ours, "write", folder, f"events={given.events}"], check=True)
    for threads in given.threads:
        results = {"report-query": lines_of([ours, "time", f"events={given.events}", f"seconds={given.seconds}", given.only], threads)}
        for engine in given.engines:
            options = ["--events", str(given.events), "--threads", str(threads), "--seconds", str(given.seconds), "--only", given.only]
            results[engine] = lines_of([python, __file__, *options, "--as-peer", engine], threads)
            print(f"{engine}, {threads} threads: asked", file=sys.stderr)
        show(results, given, threads)


def show(results, given, threads):
    ours = results["report-query"]
    peers = [name for name in results if name != "report-query"]
    wrong = 0
    print(f"\n{given.events:,} events, {threads} thread(s); median milliseconds, what an engine takes for nothing included\n")
    print("| question | " + " | ".join(["report-query", *peers]) + " | best peer over ours |")
    print("|---|" + "---:|" * (len(peers) + 2))
    for name, line in ours.items():
        if name == "load":
            continue
        cells = [f"{line['median'] * 1000:.3g}"]
        best = None
        for peer in peers:
            theirs = results[peer].get(name)
            if theirs is None:
                cells.append("–")
                continue
            cells.append(f"{theirs['median'] * 1000:.3g}")
            work = max(theirs["median"] - results[peer]["fixed"]["median"], 1e-9)
            best = work if best is None else min(best, work)
            if name == "fixed":
                continue
            answer = [[row[at] for at in columns_of(name)] for row in line["answer"]] if columns_of(name) else line["answer"]
            if comparable(answer) != comparable(theirs["answer"]):
                print(f"{peer} answers {name} otherwise: {comparable(theirs['answer'])[:3]}, not {comparable(answer)[:3]}", file=sys.stderr)
                wrong += 1
        ratio = "" if name == "fixed" or best is None else f"{best / max(line['median'] - ours['fixed']['median'], 1e-9):.3g}"
        print(f"| {name} | " + " | ".join(cells) + f" | {ratio} |")
    print("\n| | " + " | ".join(["report-query", *peers]) + " |")
    print("|---|" + "---:|" * (len(peers) + 1))
    print("| seconds to load | " + " | ".join(f"{results[name]['load']['load_seconds']:.3g}" for name in results) + " |")
    size = lambda line: f"{line['bytes'] / given.events:.0f}"
    print("| bytes an event (of a peer: of its whole process) | " + " | ".join(size(results[name]["load"]) for name in results) + " |")
    if wrong:
        sys.exit(f"{wrong} answers differ")


if __name__ == "__main__":
    main()
