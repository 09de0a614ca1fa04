"""First contact: welcome, age and terms, language, groups, people who come and go."""

from bot.handlers.start import consent_screen
from casino.players.rules import TERMS_VERSION
from messaging.words import Words
from tests.bot.crew import NAME, Crew, Visitor
from tests.sandbox.telegram.conftest import ANN, GROUP


async def test_a_newcomer_reads_the_terms_before_anything_else(crew: Crew, ann: Visitor) -> None:
    welcome = await ann.start("friend_of_boris")
    assert welcome.text.startswith("Welcome to Fairhouse, Ann")
    player = await ann.player()
    assert (player.consented, player.language, player.referral) == (False, "en", "friend_of_boris")
    for command in ("/balance", "/deposit", "/withdraw", "/history", "/limits", "hello"):
        assert (await ann.say(command)).text.startswith("Welcome to Fairhouse")
    assert (await ann.say("/terms")).text.startswith(f"Terms of play · version {TERMS_VERSION}")
    assert (await ann.say("/privacy")).text.startswith("What we know about you")
    assert (await ann.say("/paysupport")).text.startswith("Help with a payment")
    assert await crew.scalar("SELECT count(*) FROM consents") == 0


async def test_accepting_is_recorded_with_version_age_and_language(
    crew: Crew, boris: Visitor
) -> None:
    welcome = await boris.start()
    assert welcome.text.startswith("Добро пожаловать в Fairhouse, Борис")
    menu = await boris.tap("Мне есть 18, условия принимаю")
    assert menu.message_id == welcome.message_id
    assert menu.edited
    assert menu.text.startswith("У вас 0,00 TON")
    row = await crew.scalar("SELECT terms_version || of_age || language FROM consents")
    assert row == f"{TERMS_VERSION}trueru"
    # A second tap on the same button changes nothing.
    await boris.forge(welcome.data_of("Мне есть 18, условия принимаю"))
    assert await crew.scalar("SELECT count(*) FROM consents") == 1


async def test_terms_of_an_older_version_are_not_accepted(crew: Crew, ann: Visitor) -> None:
    await ann.start()
    answer = await ann.forge("accept1:2020-01-01")
    assert "terms have changed" in answer["text"]
    assert await crew.scalar("SELECT count(*) FROM consents") == 0


async def test_start_again_shows_the_menu_and_keeps_the_first_referral(ann: Visitor) -> None:
    await ann.accept()
    menu = await ann.start("someone_else")
    assert menu.text.startswith("You have 0.00 TON")
    assert (await ann.player()).referral is None


async def test_the_menu_reaches_every_screen(ann: Visitor) -> None:
    menu = await ann.accept()
    for label in menu.labels:
        if label == "Play":
            continue
        shown = await ann.tap(label)
        assert shown.text != menu.text, label
        assert "‹ Back" in shown.labels, label
        menu = await ann.tap("‹ Back")
        assert menu.text.startswith("You have"), label


async def test_play_opens_the_mini_app_with_signed_data(ann: Visitor) -> None:
    await ann.accept()
    opened = await ann.tap_answer("Play")
    assert opened["launch"]["url"].startswith("http://127.0.0.1:8080/#")
    assert "hash" in opened["launch"]["url"]


async def test_the_language_changes_at_once_and_stays(ann: Visitor) -> None:
    await ann.accept()
    await ann.tap("Language · Язык")
    menu = await ann.tap("Русский")
    assert menu.text.startswith("У вас 0,00 TON")
    assert (await ann.say("/balance")).text.startswith("У вас 0,00 TON")
    assert (await ann.player()).language == "ru"


async def test_the_language_can_be_chosen_before_the_terms(ann: Visitor) -> None:
    await ann.start()
    await ann.tap("Language · Язык")
    assert (await ann.tap("Русский")).text.startswith("Добро пожаловать")


async def test_unknown_words_get_the_way_to_the_menu(ann: Visitor) -> None:
    await ann.accept()
    shown = await ann.say("what is this?")
    assert shown.text.startswith("I did not understand that")
    assert (await ann.tap("Menu")).text.startswith("You have")
    assert (await ann.say("/nonsense")).text.startswith("I did not understand that")


async def test_outdated_and_forged_buttons_get_a_polite_answer(ann: Visitor) -> None:
    await ann.accept()
    for data in ("go0:menu", "go1", "go1:menu:more", "x", "wdyes1:" + "0" * 32, "pause1:5:1"):
        answer = await ann.forge(data)
        assert answer["show_alert"], data
        assert answer["text"], data
    assert (await ann.forge("go1:nowhere"))["text"].startswith("This button is out of date")
    assert (await ann.forge("lim1:deposit:year"))["text"].startswith("This button is out of date")


async def test_a_player_answers_in_private_when_asked_in_a_group(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    shown = await ann.say(f"/balance@{NAME}", chat=GROUP)
    assert shown.text.startswith("You have 0.00 TON")
    group = await crew.server.see("chat", person=ANN, chat=GROUP)
    assert not [message for message in group["messages"] if message["from"]["is_bot"]]


async def test_a_stranger_in_a_group_is_shown_the_private_chat(crew: Crew) -> None:
    await crew.server.do("send", person=ANN, chat=GROUP, text=f"/balance@{NAME}")
    await crew.settle()
    group = await crew.server.see("chat", person=ANN, chat=GROUP)
    answer = group["messages"][-1]
    assert answer["text"] == "Let us talk about this in private."
    button = answer["reply_markup"]["inline_keyboard"][0][0]
    assert button["url"] == f"https://t.me/{NAME}"
    assert await crew.scalar("SELECT count(*) FROM players") == 0


async def test_words_in_a_group_that_are_not_for_the_bot_are_left_alone(
    crew: Crew, ann: Visitor
) -> None:
    await ann.accept()
    before = await ann.all()
    for words in ("hello all", "/balance@some_other_bot", "/nonsense"):
        await crew.server.do("send", person=ANN, chat=GROUP, text=words)
    await crew.settle()
    assert await ann.all() == before
    group = await crew.server.see("chat", person=ANN, chat=GROUP)
    assert not [message for message in group["messages"] if message["from"]["is_bot"]]


async def test_blocking_the_bot_is_remembered_until_the_person_is_back(
    crew: Crew, ann: Visitor
) -> None:
    await ann.accept()
    await crew.server.do("block", person=ANN, bot=NAME, blocked=True)
    await crew.settle()
    assert (await ann.player()).unreachable
    await crew.server.do("block", person=ANN, bot=NAME, blocked=False)
    await crew.settle()
    assert not (await ann.player()).unreachable


async def test_somebody_who_leaves_before_the_answer_is_no_dead_letter(
    crew: Crew, ann: Visitor
) -> None:
    await ann.accept()
    await crew.server.do("send", person=ANN, bot=NAME, text="/balance")
    await crew.server.do("block", person=ANN, bot=NAME, blocked=True)
    await crew.settle()
    assert set(await crew.column("SELECT outcome FROM inbox")) == {"handled"}
    assert (await ann.player()).unreachable


def test_a_name_cannot_carry_markup() -> None:
    screen = consent_screen(Words("en"), first_name="<b>Ann</b> & co")
    assert "&lt;b&gt;Ann&lt;/b&gt; &amp; co" in screen.text
