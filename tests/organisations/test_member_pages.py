"""Members, added, changed and removed on their pages, and who may do what to whom."""

import re
import threading
from collections.abc import Callable

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client

from organisations.errors import LastOwner, RoleNotYours
from organisations.models import Member, User
from organisations.selectors import my_organisations
from organisations.team import invite, remove, set_role
from tests.factories import Tenant, make_tenant, make_user
from tests.metering.figures import one, rows_of, verified

Clients = Callable[[User | None], Client]
PAGE = "/o/ada/members/"


@pytest.fixture(autouse=True)
def _no_limit_left_over() -> None:
    cache.clear()


@pytest.fixture
def owning(client_for: Clients, owner: User) -> Client:
    return client_for(owner)


@pytest.fixture
def admin(tenant: Tenant, client_for: Clients) -> Client:
    return client_for(make_user("admin@ada.example", member_of=tenant.organisation, as_="admin"))


def add(client: Client, email: str = "new@ada.example", role: str = "viewer", name: str = "New") -> object:
    return client.post(f"{PAGE}add/", {"email": email, "name": name, "role": role})


def member_id(email: str, slug: str = "ada") -> int:
    sql = (
        "SELECT m.id FROM organisations_member m JOIN organisations_user u ON u.id = m.user_id"
        " JOIN organisations_organisation o ON o.id = m.organisation_id WHERE u.email = %s AND o.slug = %s"
    )
    return one(sql, email, slug)[0]


def roles() -> dict[str, str]:
    people = "organisations_member m JOIN organisations_user u ON u.id = m.user_id"
    return dict(rows_of(f"SELECT u.email, m.role FROM {people}"))


def test_a_new_person_chooses_a_password_by_mail_and_gets_in(owning: Client) -> None:
    answer = add(owning, "New@Ada.Example", "developer", "Grace Hopper")
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert roles()["new@ada.example"] == "developer"
    page = owning.get(PAGE).content.decode()
    assert "Grace Hopper" in page
    assert "No password yet" in page
    [message] = mail.outbox
    assert message.to == ["new@ada.example"]
    link = re.search(r"http://testserver(/accounts/password/reset/key/\S+)", message.body)[1]
    stranger = Client()
    form = stranger.get(link, follow=True)
    stranger.post(form.redirect_chain[-1][0], {"password1": "an own good one", "password2": "an own good one"})
    stranger.post("/accounts/login/", {"login": "new@ada.example", "password": "an own good one"})
    assert stranger.get("/o/ada/").status_code == 200
    assert "No password yet" not in owning.get(PAGE).content.decode()
    assert Client().get(link, follow=True).content.decode().count("doesn't work any more") > 0  # it works once
    verified()


def test_a_known_address_keeps_its_account_and_is_told_to_sign_in(owning: Client) -> None:
    ben = make_tenant("ben")
    make_user("known@ben.example", member_of=ben.organisation)
    User.objects.filter(email="known@ben.example").update(name="Known")
    page = owning.post(f"{PAGE}add/", {"email": "known@ben.example", "name": "Other", "role": "viewer"}, follow=True)
    assert rows_of("SELECT name FROM organisations_user WHERE email = 'known@ben.example'") == [("Known",)]
    assert "/password/reset/key/" not in mail.outbox[0].body
    assert "/accounts/login/" in mail.outbox[0].body
    assert "Ben" not in page.content.decode() + mail.outbox[0].body  # nothing of the other organisation


def test_the_answer_says_the_same_of_known_and_unknown_addresses(owning: Client) -> None:
    make_user("known@ben.example", member_of=make_tenant("ben").organisation)
    told = []
    for email in ("known@ben.example", "unknown@ben.example"):
        page = owning.post(f"{PAGE}add/", {"email": email, "name": "", "role": "viewer"}, follow=True).content.decode()
        told.append(re.search(r'class="notice[^>]*>([^<]*)<', page)[1].replace(email, "x"))
    assert told[0] == told[1]


def test_nobody_is_added_twice(owning: Client) -> None:
    add(owning)
    answer = add(owning)
    assert answer.status_code == 422
    assert "is a member already" in answer.content.decode()
    assert len(mail.outbox) == 1


def test_staff_are_refused_without_a_word_about_why(owning: Client) -> None:
    make_user("pat@example.com", "finance")
    answer = add(owning, "pat@example.com")
    assert answer.status_code == 422
    assert "can&#x27;t be a member" in answer.content.decode()
    assert not re.search("staff|platform|finance", answer.content.decode(), re.I)
    assert "pat@example.com" not in roles()
    assert mail.outbox == []


BAD = [{"email": "no address"}, {"email": ""}, {"role": "root"}, {"role": ""}, {"email": "a@b.example\r\nBcc: c@d.e"}]


@pytest.mark.parametrize("fields", BAD)
def test_a_bad_form_makes_nobody(owning: Client, fields: dict[str, str]) -> None:
    answer = owning.post(f"{PAGE}add/", {"email": "x@ada.example", "name": "", "role": "viewer", **fields})
    assert answer.status_code == 422
    assert "Error: " in answer.content.decode()
    assert len(roles()) == 1
    assert one("SELECT count(*) FROM organisations_user") == (1,)


def test_a_mail_that_can_not_be_sent_is_said_and_sent_again_later(owning: Client, settings: object) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
    settings.EMAIL_PORT = 1  # type: ignore[attr-defined]  # nobody listens there
    answer = owning.post(f"{PAGE}add/", {"email": "new@ada.example", "name": "", "role": "viewer"}, follow=True)
    assert "no mail could be sent" in answer.content.decode()
    assert roles()["new@ada.example"] == "viewer"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"  # type: ignore[attr-defined]
    owning.post(f"{PAGE}{member_id('new@ada.example')}/invite/")
    assert "/password/reset/key/" in mail.outbox[0].body


def test_a_role_is_changed_and_the_audit_trail_says_by_whom(owning: Client, owner: User) -> None:
    add(owning)
    assert owning.post(f"{PAGE}{member_id('new@ada.example')}/", {"role": "billing"}).status_code == 302
    assert roles()["new@ada.example"] == "billing"
    owning.post(f"{PAGE}{member_id('new@ada.example')}/remove/")
    found = rows_of(
        "SELECT action, actor, coalesce(after, before) ->> 'role' FROM organisations_auditentry"
        " WHERE \"table\" = 'organisations_member' AND actor <> 'system' ORDER BY id"
    )
    by = f"user:{owner.pk}"
    assert found == [("insert", by, "viewer"), ("update", by, "billing"), ("delete", by, "billing")]


def test_a_removed_member_sees_nothing_from_the_next_request_on(
    owning: Client, tenant: Tenant, client_for: Clients
) -> None:
    user = make_user("leaver@ada.example", member_of=tenant.organisation, as_="viewer")
    leaver = client_for(user)
    assert leaver.get("/o/ada/").status_code == 200
    asked = owning.get(f"{PAGE}{member_id(user.email)}/remove/")
    assert "Remove leaver@ada.example?" in asked.content.decode()
    assert user.email in roles()  # asking changes nothing
    address = f"{PAGE}{member_id(user.email)}/remove/"
    owning.post(address)
    assert leaver.get("/o/ada/").status_code == 404
    assert owning.post(address)["Location"] == PAGE  # sent twice: as was wanted


def test_the_last_owner_stays_whatever_is_sent(owning: Client, owner: User) -> None:
    page = f"{PAGE}{member_id(owner.email)}/"
    for answer in (owning.post(page, {"role": "viewer"}), owning.post(f"{page}remove/")):
        assert answer.status_code == 422
        assert "only owner" in answer.content.decode()
    assert roles() == {owner.email: "owner"}


def test_owners_may_leave_where_another_stays(owning: Client, owner: User, tenant: Tenant) -> None:
    make_user("second@ada.example", member_of=tenant.organisation)
    assert owning.post(f"{PAGE}{member_id(owner.email)}/remove/")["Location"] == "/"
    assert "You belong to no organisation" in owning.get("/").content.decode()


def test_an_admin_neither_makes_nor_touches_owners(admin: Client, owner: User) -> None:
    assert 'value="owner"' not in admin.get(f"{PAGE}add/").content.decode()
    assert add(admin, role="owner").status_code == 422
    page = f"{PAGE}{member_id(owner.email)}/"
    assert "Only an owner" in admin.get(page).content.decode()
    for answer in (admin.post(page, {"role": "viewer"}), admin.post(f"{page}remove/")):
        assert answer.status_code == 422
    own = f"{PAGE}{member_id('admin@ada.example')}/"
    assert admin.post(own, {"role": "owner"}).status_code == 422
    assert roles() == {owner.email: "owner", "admin@ada.example": "admin"}


@pytest.mark.parametrize("role", ["billing", "developer", "viewer"])
def test_others_read_the_list_and_can_change_nothing(
    client_for: Clients, owner: User, tenant: Tenant, role: str
) -> None:
    user = make_user("reader@ada.example", member_of=tenant.organisation, as_=role)
    page = client_for(user).get(PAGE).content.decode()
    assert owner.email in page
    assert f"{PAGE}add/" not in page
    [reader] = my_organisations(user)
    for act in (
        lambda: invite(by=reader, email="x@ada.example", name="", role="viewer"),
        lambda: set_role(by=reader, member_id=reader.pk, role="admin"),
        lambda: remove(by=reader, member_id=reader.pk),
    ):
        with pytest.raises(RoleNotYours):
            act()
    assert roles()[user.email] == role


def test_members_of_others_do_not_exist_here(owning: Client) -> None:
    make_user("owner@ben.example", member_of=make_tenant("ben").organisation)
    foreign = member_id("owner@ben.example", "ben")
    for path in (f"{foreign}/", f"{foreign}/remove/", "0/", "0/remove/"):
        assert owning.get(PAGE + path).status_code == 404
    owning.post(f"{PAGE}{foreign}/remove/")
    assert owning.post(f"{PAGE}{foreign}/", {"role": "viewer"}).status_code == 404
    assert owning.post(f"{PAGE}{foreign}/invite/").status_code == 404
    assert roles()["owner@ben.example"] == "owner"


def test_a_role_that_was_just_taken_away_counts_no_more(tenant: Tenant, owner: User) -> None:
    user = make_user("admin@ada.example", member_of=tenant.organisation, as_="admin")
    [stale], [owning] = my_organisations(user), my_organisations(owner)
    set_role(by=owning, member_id=stale.pk, role="viewer")
    with pytest.raises(RoleNotYours):
        invite(by=stale, email="x@ada.example", name="", role="viewer")


def test_two_owners_who_remove_each_other_at_once_leave_one(tenant: Tenant) -> None:
    users = [make_user(f"{n}@ada.example", member_of=tenant.organisation) for n in range(2)]
    members, start = [my_organisations(user)[0] for user in users], threading.Barrier(2)
    refused: list[type[Exception]] = []

    def act(by: Member, other: Member) -> None:
        start.wait()
        try:
            remove(by=by, member_id=other.pk)
        except (LastOwner, RoleNotYours) as error:
            refused.append(type(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=pair) for pair in (members, members[::-1])]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert refused == [RoleNotYours]
    assert list(roles().values()) == ["owner"]
