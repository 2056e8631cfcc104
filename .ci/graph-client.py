#!/usr/bin/env python3
"""Read the hybrid log with Microsoft's own Graph client, and compare with what the service counts.

usage: graph-client.py PROGRAM | URL

PROGRAM is the built example `service`: its demo is started, and stopped again. URL is the
address of a service that runs already, `http://127.0.0.1:8080`; a reader's token for it, with
the right `persons`, is taken from the environment variable TOKEN.

The client lists, filters, orders, selects, counts and pages `auditLogs/directoryAudits`, follows
links to the end, opens single entries and is refused. Everything that it understood is compared
with the same pages read as plain JSON, and every count with `POST /v1/query`. Prints a line for
each comparison.

    pip install msgraph-sdk

Exits with 0, with 1 if anything differs, and with 2 for wrong usage.
"""

import asyncio
import collections
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.parse
import urllib.request

from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    AnonymousAuthenticationProvider,
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_serialization_json.json_serialization_writer_factory import JsonSerializationWriterFactory
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.audit_logs.directory_audits.directory_audits_request_builder import (
    DirectoryAuditsRequestBuilder,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_core.tasks import PageIterator

LIST = "/v1.0/auditLogs/directoryAudits"
MIM, ENTRA = "identity_manager", "entra"

failed = 0


def compare(what, found, expected):
    global failed
    same = found == expected
    failed += not same
    shown = f"{len(found)} items" if isinstance(found, (list, set)) else found
    print(f"{'ok' if same else 'DIFFERS':8} {what}: {shown}")
    if not same:
        print(f"         found    {str(found)[:500]}\n         expected {str(expected)[:500]}")


class Token(AccessTokenProvider):
    def __init__(self, token):
        self.token = token

    async def get_authorization_token(self, uri, additional_authentication_context=None):
        return self.token

    def get_allowed_hosts_validator(self):
        return AllowedHostsValidator([])


class Plain:
    """The service's own API, with nothing but the standard library."""

    def __init__(self, url, token):
        self.url, self.token = url, token

    def json(self, path, body=None):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = path if path.startswith("http") else self.url + path
        data = body and json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
            return json.load(answer)

    def count(self, condition=None):
        """How many rows a condition of the query language holds for."""
        stages = [{"filter": condition}] if condition else []
        stages.append({"group": {"by": [], "aggregate": [{"count": [], "as": "rows"}]}})
        rows = self.json("/v1/query", {"version": 1, "stages": stages})["rows"]
        return rows[0]["rows"] if rows else 0

    def walk(self, **options):
        """All entries of a list, link by link."""
        query = urllib.parse.urlencode({f"${name}": value for name, value in options.items()})
        page = self.json(f"{LIST}?{query}")
        entries = page["value"]
        while link := page.get("@odata.nextLink"):
            page = self.json(link)
            entries += page["value"]
        return entries


def tidy(value):
    """JSON without what is null or empty, which the client leaves out, and with times in one form."""
    if isinstance(value, dict):
        tidied = {name: tidy(part) for name, part in value.items() if not name.startswith("@odata")}
        return {name: part for name, part in tidied.items() if part not in (None, {}, [])}
    if isinstance(value, list):
        return [tidy(part) for part in value]
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", value):
        whole, _, fraction = value.removesuffix("Z").removesuffix("+00:00").partition(".")
        return f"{whole}.{fraction[:6]:0<6}"  # the client has microseconds
    return value


def understood(entry):
    """An entry as the client writes what it read."""
    writer = JsonSerializationWriterFactory().get_serialization_writer("application/json")
    writer.write_object_value(None, entry)
    return tidy(json.loads(writer.get_serialized_content()))


def asked(**options):
    parameters = DirectoryAuditsRequestBuilder.DirectoryAuditsRequestBuilderGetQueryParameters(**options)
    return RequestConfiguration(query_parameters=parameters)


def actor(entry):
    user = entry.initiated_by and entry.initiated_by.user
    return (user and user.user_principal_name or "").lower()


class Checks:
    def __init__(self, url, token):
        provider = BaseBearerTokenAuthenticationProvider(Token(token)) if token else AnonymousAuthenticationProvider()
        adapter = GraphRequestAdapter(provider)
        adapter.base_url = f"{url}/v1.0"
        self.client = GraphServiceClient(request_adapter=adapter)
        self.audits = self.client.audit_logs.directory_audits
        self.plain = Plain(url, token)

    async def walk(self, **options):
        """All entries of a list, with the client's own walk over pages; and how many pages."""
        page = await self.audits.get(asked(**options))
        entries, pages = list(page.value), 1
        while page.odata_next_link:
            page = await self.audits.with_url(page.odata_next_link).get()
            entries += page.value
            pages += 1
        return entries, pages

    async def whole(self):
        entries, pages = await self.walk()
        raw = self.plain.walk()
        compare("every row of the store is listed", len(entries), self.plain.count())
        compare("pages of 1,000 at most", pages, max(1, -(-len(entries) // 1000)))
        compare("all that is sent is understood", [understood(entry) for entry in entries], tidy(raw))
        extra = collections.Counter(name for entry in entries for name in entry.additional_data)
        compare("no property that the client does not know", sorted(extra), [])
        times = [entry.activity_date_time for entry in entries]
        compare("newest first", times, sorted(times, reverse=True))
        compare("results are words of the client", [e.id for e in entries if e.result is None], [])
        sides = {entry.logged_by_service == "MIM Service" for entry in entries}
        compare("both sides are there", sides, {True, False})
        return entries

    async def paging(self, entries):
        ids = [entry.id for entry in entries]
        small, pages = await self.walk(top=23)
        compare("small pages give the same rows", [entry.id for entry in small], ids)
        compare("and there are as many as needed", pages, -(-len(ids) // 23))
        oldest, _ = await self.walk(top=100, orderby=["activityDateTime asc"])
        compare("oldest first is the other way round", [entry.id for entry in oldest], ids[::-1])
        iterated = []

        def note(entry):
            iterated.append(entry.id)
            return True

        page = await self.audits.get(asked(top=100))
        await PageIterator(page, self.client.request_adapter).iterate(note)
        compare("the client's page iterator gives the same", iterated, ids)

    async def filters(self, entries):
        # A moment within the rows, with rows on both sides.
        middle = entries[len(entries) // 2].activity_date_time.replace(microsecond=0)
        moment = middle.strftime("%Y-%m-%dT%H:%M:%SZ")
        who = collections.Counter(filter(None, map(actor, entries))).most_common(1)[0][0]
        failures = ["failure", "denied", "canceled"]
        either = [{"eq": [{"col": "result"}, result]} for result in failures]
        for text, holds, condition in [
            ("loggedByService eq 'MIM Service'", lambda e: e.logged_by_service == "MIM Service", {"eq": [{"col": "source"}, MIM]}),
            ("loggedByService ne 'MIM Service'", lambda e: e.logged_by_service != "MIM Service", {"eq": [{"col": "source"}, ENTRA]}),
            ("category eq 'GroupManagement'", lambda e: e.category == "GroupManagement", {"eq": [{"col": "category"}, "GroupManagement"]}),
            ("result eq 'failure'", lambda e: e.result.value == "failure", {"or": either}),
            (f"activityDateTime ge {moment}", lambda e: e.activity_date_time >= middle, {"ge": [{"col": "time"}, {"time": moment}]}),
            (f"activityDateTime lt {moment} and activityDisplayName eq 'Add member to group'",
             lambda e: e.activity_date_time < middle and e.activity_display_name == "Add member to group",
             {"and": [{"lt": [{"col": "time"}, {"time": moment}]}, {"eq": [{"col": "activity"}, "Add member to group"]}]}),
            ("startswith(activityDisplayName,'Reset')", lambda e: e.activity_display_name.lower().startswith("reset"), None),
            (f"initiatedBy/user/userPrincipalName eq '{who}'", lambda e: actor(e) == who, None),
            ("targetResources/any(t:contains(t/displayName,'a'))",
             lambda e: any("a" in (t.display_name or "").lower() for t in e.target_resources or []), None),
            ("result eq 'success' and not (category eq 'UserManagement')",
             lambda e: e.result.value == "success" and e.category != "UserManagement", None),
            ("category eq 'No such category'", lambda e: False, None),
        ]:
            found, _ = await self.walk(filter=text, top=50)
            wanted = [entry.id for entry in entries if holds(entry)]
            compare(f"$filter={text}", [entry.id for entry in found], wanted)
            if condition:
                compare("  and the query language counts the same", len(found), self.plain.count(condition))
            counted = await self.audits.get(asked(filter=text, top=1, count=True))
            compare("  and so does $count", counted.odata_count, len(wanted))

    async def single(self, entries):
        for entry in (entries[0], entries[-1]):
            one = await self.audits.by_directory_audit_id(entry.id).get()
            # A request that was logged at several statuses has several rows of one id, and this is the last.
            of_id = [understood(other) for other in entries if other.id == entry.id]
            compare("one entry by its id", understood(one) in of_id, True)
        page = await self.audits.get(asked(select=["id", "category"], top=1))
        compare("$select leaves the rest out", sorted(understood(page.value[0])), ["category", "id"])

    async def refusals(self):
        async def refused(request):
            try:
                await request
            except ODataError as error:
                main = error.error
                told = bool(main.inner_error.request_id and main.inner_error.date and main.message)
                return error.response_status_code, main.code, told
            return "not refused"

        for what, request, expected in [
            ("an unknown property", self.audits.get(asked(filter="colour eq 'red'")), (400, "BadRequest", True)),
            ("an order that is not supported", self.audits.get(asked(orderby=["category"])), (400, "BadRequest", True)),
            ("an unknown id", self.audits.by_directory_audit_id("none/such id").get(), (404, "ResourceNotFound", True)),
            ("a search", self.audits.get(asked(search="x")), (400, "BadRequest", True)),
            ("another list", self.client.audit_logs.sign_ins.get(), (404, "ResourceNotFound", True)),
            ("a deletion", self.audits.by_directory_audit_id("x").delete(), (405, "BadRequest", True)),
        ]:
            compare(f"{what} is refused", await refused(request), expected)

    async def run(self):
        entries = await self.whole()
        if not entries:
            sys.exit("the log is empty: there is nothing to compare")
        await self.paging(entries)
        await self.filters(entries)
        await self.single(entries)
        await self.refusals()


def start(program):
    """The demo, at a free port; its process and its address when it is ready."""
    command = [program, "--listen", "127.0.0.1:0", "--requests", "200"]
    service = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in service.stderr:
        if found := re.search(r"listening at (http\S+?)/?$", line.strip()):
            # What it says from here on is of no interest, but it must not wait to say it.
            threading.Thread(target=service.stderr.read, daemon=True).start()
            return service, found[1]
    sys.exit(f"{program} ended with {service.wait()}")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        sys.exit(0 if "--help" in sys.argv else 2)
    # Whatever ends this ends the service that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    service, url = None, sys.argv[1].rstrip("/")
    if not url.startswith("http"):
        service, url = start(sys.argv[1])
    try:
        asyncio.run(Checks(url, os.environ.get("TOKEN")).run())
    finally:
        if service:
            service.terminate()
            service.wait(60)
    print(f"{failed} differ" if failed else "nothing differs")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
