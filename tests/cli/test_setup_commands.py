"""init, config check, and how mistakes in the configuration are told."""

from pathlib import Path


def test_init_writes_a_lab_that_has_no_findings(mtalab):
    done = mtalab("init", "--json")
    assert done.code == 0
    assert done.json["files"] == ["mtalab.toml", "mail.eml", "people.csv"]
    checked = mtalab("config", "check", "--json")
    assert checked.json["findings"] == []
    assert checked.code == 0


def test_init_overwrites_nothing(lab):
    Path("people.csv").write_text("mine")
    done = lab("init")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "mtalab: mtalab.toml is there already; nothing was written\n"
        "  Choose another folder, or replace the files with --force.\n"
    )
    assert Path("people.csv").read_text() == "mine"
    assert lab("init", "--force").code == 0
    assert Path("people.csv").read_text() != "mine"


def test_without_a_configuration_every_command_says_how_to_get_one(mtalab):
    for command in (["status"], ["up"], ["log"], ["reconcile"], ["config", "check"]):
        done = mtalab(*command)
        assert done.code == 2
        assert "`mtalab init` writes one here" in done.err


def test_mistakes_are_told_all_at_once_with_file_line_and_key(lab):
    text = Path("mtalab.toml").read_text()
    text = text.replace("workers = 2", "workrs = 2", 1).replace('delays = ["5s"', 'delays = ["5x"')
    Path("mtalab.toml").write_text(text)
    line = text[: text.index("workrs")].count("\n") + 1
    done = lab("config", "check")
    assert done.code == 2
    assert (
        f"mtalab.toml:{line}: mta.promo1.workrs: unknown key; did you mean 'workers'?" in done.err
    )
    assert "retry.delays[0]: expected a duration" in done.err


def test_a_dead_end_is_an_error_and_a_doubt_a_warning(lab):
    text = Path("mtalab.toml").read_text()
    text = text.replace('affinities = ["promo"]', 'affinities = ["prmo"]')
    text = text.replace('mask = "*.gmail.test"', 'mask = "*.gmial.test"')
    Path("mtalab.toml").write_text(text)
    done = lab("config", "check", "--json")
    assert done.code == 1
    found = {(each["severity"], each["key"]) for each in done.json["findings"]}
    assert ("error", "mta.promo1.affinities[0]") in found
    assert ("warning", "mx_rule[1]") in found


def test_the_environment_overrides_the_file_and_is_named_in_errors(lab, monkeypatch):
    monkeypatch.setenv("MTALAB_RETRY__JITTER", "7")
    done = lab("config", "check")
    assert done.code == 2
    assert "MTALAB_RETRY__JITTER" in done.err


def test_another_file_can_be_named(lab, monkeypatch):
    Path("elsewhere").mkdir()
    Path("mtalab.toml").rename("elsewhere/x.toml")
    assert lab("config", "check").code == 2
    assert lab("config", "check", "--config", "elsewhere/x.toml").code == 0
    monkeypatch.setenv("MTALAB_CONFIG", "elsewhere/x.toml")
    assert lab("config", "check").code == 0


def test_an_unknown_personality_is_named_with_the_nearest(lab):
    text = Path("mtalab.toml").read_text().replace('"unknown_users"', '"unknown_usrs"')
    Path("mtalab.toml").write_text(text)
    done = lab("config", "check")
    assert done.code == 2
    assert "unknown_users" in done.err


def test_an_unknown_instance_is_refused(lab):
    done = lab("mta", "run", "promo2")
    assert done.code == 2
    assert "there is no MTA instance 'promo2'; did you mean 'promo1'?" in done.err


def test_two_sinks_on_one_address_are_refused_with_their_line(lab):
    file = Path("mtalab.toml")
    text = file.read_text()
    [line] = [n for n, each in enumerate(text.splitlines(), 1) if "127.0.0.1:2602" in each][:1]
    file.write_text(text.replace("127.0.0.1:2602", "127.0.0.1:2601"))
    done = lab("config", "check")
    assert done.code == 2
    assert f"mtalab.toml:{line}" in done.err
    assert "listens on it too" in done.err


def test_a_host_outside_and_a_domain_of_two_routes_are_found(lab):
    file = Path("mtalab.toml")
    more = '[route.far]\ndomains = ["gmail.test", "far.test"]\nhost = "10.1.2.3:25"\n'
    file.write_text(file.read_text() + more)
    found = {each["key"]: each for each in lab("config", "check", "--json").json["findings"]}
    assert found["route.far.host"]["severity"] == "error"
    assert "gmail.test goes by route" in found["route.far.domains[0]"]["what"]
    file.write_text(file.read_text().replace("10.1.2.3:25", "127.0.0.1:2601"))
    assert lab("config", "check").code == 0


def test_a_key_is_made_for_its_owner_alone_and_signs_what_is_configured(lab):
    made = lab("dkim", "key", "Shop.example", "s1", "--json").json
    assert made["name"] == "s1._domainkey.shop.example"
    assert made["record"].startswith("v=DKIM1; k=rsa; p=")
    assert Path(made["file"]).stat().st_mode & 0o777 == 0o600
    again = lab("dkim", "key", "shop.example", "s1")
    assert again.code == 2
    assert "is there already" in again.err
    file = Path("mtalab.toml")
    text = file.read_text()
    key = '\n[[dkim]]\ndomain = "shop.example"\nselector = "s1"\nkey_file = "{}"\n'
    file.write_text(text + key.format(made["file"]))
    assert lab("config", "check").code == 0
    file.write_text(text + key.format("mail.eml"))
    done = lab("config", "check")
    assert done.code == 1
    assert "key_file mail.eml holds no private key" in done.out
    assert lab("dkim", "key", "shop.example", "e1", "--type", "ed25519").out.count("[[dkim]]") == 1


EXAMPLE = Path(__file__).parents[2] / "examples" / "serverConf.xml"


def test_an_import_writes_a_configuration_that_works_and_overwrites_nothing(mtalab):
    found = mtalab("config", "import", EXAMPLE, "--json").json
    assert found["affinities"]["service"] == [
        {"address": "127.0.1.6", "public_address": "203.0.113.7", "public_id": 9}
    ]
    left = {each["what"]: each for each in found["left_out"]}
    assert left.keys() >= {"relay", "stat", "web", "mta/verifyMode=false"}
    assert left["relay"]["line"] == 11
    (agreed,) = mtalab("config", "check", "--json").json["findings"]
    assert (agreed["code"], agreed["key"]) == ("no_source_ip_for_domain", "affinity.agreed")
    Path("mtalab.toml").write_text("mine")
    again = mtalab("config", "import", EXAMPLE)
    assert again.code == 2
    assert "is there already" in again.err
    assert Path("mtalab.toml").read_text() == "mine"
    told = mtalab("config", "import", EXAMPLE, "--force").out
    assert "left out: serverConf.xml:11: relay" in told
    assert mtalab("config", "check").code == 0


def test_an_import_of_a_bad_file_tells_all_mistakes_and_writes_nothing(mtalab):
    text = EXAMPLE.read_text().replace('weight="5"', 'weight="five"').replace("orange.*,", "o@,")
    Path("serverConf.xml").write_text(text)
    done = mtalab("config", "import", "serverConf.xml")
    assert done.code == 2
    assert done.err.count("serverConf.xml:") == 4
    assert "Traceback" not in done.err
    assert not Path("mtalab.toml").exists()


def test_an_import_to_a_place_that_is_not_there_is_told(mtalab):
    done = mtalab("config", "import", EXAMPLE, "--out", "nowhere/mtalab.toml")
    assert done.code == 1
    assert "nowhere/mtalab.toml cannot be written" in done.err


def test_a_demo_of_a_configuration_that_cannot_send_says_why(lab):
    text = Path("mtalab.toml").read_text()
    Path("far.toml").write_text(text.replace('"127.0.1.1"', '"192.0.2.1"'))
    far = lab("demo", "--config", "far.toml")
    assert far.code == 2
    assert "192.0.2.1" in far.err
    masked = text.replace('exclude = ["orange.*"]', 'exclude = ["*"]')
    for each in ('helo = "out1.shop.example"', 'helo = "out2.shop.example"'):
        masked = masked.replace(each, f'{each}\nexclude = ["*"]')
    masked = masked.replace('helo = "service.shop.example"', 'exclude = ["*"]')
    Path("shut.toml").write_text(masked)
    shut = lab("demo", "--config", "shut.toml")
    assert shut.code == 2
    assert "may send to any domain that has a route" in shut.err


def test_an_option_of_up_that_would_not_be_heeded_is_refused(mtalab):
    mtalab("init")
    done = mtalab("up", "--within", "3s")
    assert done.code == 2
    assert "--within: this is for --detach" in done.err
