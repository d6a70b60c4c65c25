"""Published bypasses of picklescan, modelscan and fickling, by their ids: none may come out as ok.

Each id was read against the advisory, or against the commit and test of the scanner's own repository that fixes it
(picklescan to 1.0.5, fickling to August 2026). `patch` in a label means: the payload is what that fix of the scanner
blocks; the advisory's own sample may be another name of the same module. A label without an id is a behaviour for
which no id could be confirmed. No name below has to be known to the analyser: being unlisted is enough.
"""
# ruff: noqa: E501, PT018  # one case a line reads as a table

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

import pytest

Look = Callable[..., object]


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def short(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def named(module: str, name: str) -> bytes:
    return short(module) + short(name) + b"\x93"


CALLS = {
    # picklescan
    "GHSA-655q-fx9r-782v (CVE-2025-1716)": ("pip", "main"),
    "GHSA-93mv-x874-956g (CVE-2025-46417) reads": ("linecache", "getline"),
    "GHSA-93mv-x874-956g (CVE-2025-46417) sends": ("ssl", "get_server_certificate"),
    "GHSA-4r9r-ch6f-vxmx": ("torch.utils.bottleneck.__main__", "run_cprofile"),
    "GHSA-4whj-rm5r-c2v8": ("torch.utils.bottleneck.__main__", "run_autograd_prof"),
    "GHSA-86cj-95qr-2p4f": ("torch._dynamo.guards", "GuardBuilder.get"),
    "GHSA-f4x7-rfwp-v3xw": ("torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression"),
    "GHSA-f745-w6jp-hpxx": ("torch.utils.collect_env", "run"),
    "GHSA-jhph-76pp-mggw": ("torch.utils.collect_env", "run_and_read_all"),
    "GHSA-h3qp-7fh3-f8h4": ("torch.utils.data.datapipes.utils.decoder", "basichandlers"),
    "GHSA-vr7h-p6mm-wpmh": ("torch.jit.unsupported_tensor_ops", "execWrapper"),
    "GHSA-vv6j-3g6g-2pvj": ("torch.utils._config_module", "ConfigModule.load_config"),
    "GHSA-5qwp-399c-mjwf": ("trace", "Trace.run"),
    "GHSA-g344-hcph-8vgg": ("trace", "Trace.runctx"),
    "GHSA-x696-vm39-cp64": ("profile", "Profile.run"),
    "GHSA-6vqj-c2q5-j97w": ("profile", "Profile.runctx"),
    "GHSA-7wx9-6375-f5wh": ("profile", "run"),
    "GHSA-9w88-8rmg-7g2p": ("cProfile", "runctx"),
    "GHSA-49gj-c84q-6qm9": ("cProfile", "run"),
    "GHSA-f54q-57x4-jg88": ("lib2to3.pgen2.grammar", "Grammar.loads"),
    "GHSA-p9w7-82w4-7q8m": ("lib2to3.pgen2.pgen", "ParserGenerator.make_label"),
    "GHSA-3vg9-h568-4w9m": ("idlelib.debugobj", "ObjectTreeItem.SetText"),
    "GHSA-6w4w-5w54-rjvr": ("idlelib.autocomplete", "AutoComplete.get_entity"),
    "GHSA-7cq8-mj8x-j263": ("idlelib.autocomplete", "AutoComplete.fetch_completions"),
    "GHSA-8r4j-24qv-fmq9": ("idlelib.calltip", "Calltip.fetch_tip"),
    "GHSA-9xph-j2h6-g47v": ("idlelib.calltip", "get_entity"),
    "GHSA-m869-42cg-3xwr": ("idlelib.run", "Executive.runcode"),
    "GHSA-j343-8v2j-ff7w": ("idlelib.pyshell", "ModifiedInterpreter.runcommand"),
    "GHSA-3gf5-cxq9-w223": ("idlelib.pyshell", "ModifiedInterpreter.runcode"),
    "GHSA-cj3c-v495-4xqh": ("code", "InteractiveInterpreter.runcode"),
    "GHSA-xp4f-hrf8-rxw7": ("ensurepip", "_run_pip"),
    "GHSA-fqq6-7vqf-w3fg": ("doctest", "debug_script"),
    "GHSA-q77w-mwjj-7mqx": ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
    "GHSA-f7qq-56ww-84cr (CVE-2025-10157)": ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
    "GHSA-m273-6v24-x4m4": ("distutils.file_util", "write_file"),
    "GHSA-4675-36f9-wf6r": ("ctypes", "CDLL"),
    "GHSA-84r2-jw7c-4r5q": ("pydoc", "locate"),
    "GHSA-84r2-jw7c-4r5q second stage": ("operator", "methodcaller"),
    "GHSA-955r-x9j8-7rhh": ("_operator", "methodcaller"),
    "GHSA-46h3-79wf-xr6c": ("_operator", "attrgetter"),
    "GHSA-vqmv-47xg-9wpr": ("pty", "spawn"),
    "GHSA-hgrh-qx5j-jfwx (CVE-2025-71322)": ("pty", "spawn"),
    "GHSA-r8g5-cgf2-4m4m": ("numpy.f2py.crackfortran", "getlincoef"),
    "GHSA-rrxm-2pvv-m66x (CVE-2025-71372)": ("numpy.f2py.crackfortran", "getlincoef"),
    "GHSA-cffc-mxrf-mhh4 (CVE-2025-71347)": ("numpy.f2py.crackfortran", "param_eval"),
    "GHSA-3329-ghmp-jmv5 (CVE-2025-71365)": ("numpy.f2py.crackfortran", "myeval"),
    "GHSA-6556-fwc2-fg2p (CVE-2025-71339)": ("numpy.f2py.crackfortran", "_eval_length"),
    "GHSA-9726-w42j-3qjr (CVE-2026-53872) reads": ("_io", "FileIO"),
    "GHSA-9726-w42j-3qjr (CVE-2026-53872) sends": ("urllib.request", "urlopen"),
    "GHSA-m7j5-r2p5-c39r": ("logging", "FileHandler"),
    "GHSA-9m3x-qqw2-h32h (CVE-2026-53874) patch CodeType": ("types", "CodeType"),
    "GHSA-9m3x-qqw2-h32h (CVE-2026-53874) patch cloudpickle": ("cloudpickle.cloudpickle", "_builtin_type"),
    "GHSA-9m3x-qqw2-h32h (CVE-2026-53874) patch subimport": ("cloudpickle.cloudpickle", "subimport"),
    "GHSA-vvpj-8cmc-gx39": ("pkgutil", "resolve_name"),
    "GHSA-g38g-8gr9-h9xp (CVE-2026-56315) uuid": ("uuid", "_get_command_stdout"),
    "GHSA-g38g-8gr9-h9xp (CVE-2026-56315) _osx_support": ("_osx_support", "_read_output"),
    "GHSA-g38g-8gr9-h9xp (CVE-2026-56315) _aix_support": ("_aix_support", "_read_cmd_output"),
    "GHSA-g38g-8gr9-h9xp (CVE-2026-56315) imaplib": ("imaplib", "IMAP4_stream"),
    "GHSA-g38g-8gr9-h9xp (CVE-2026-56315) _pyrepl": ("_pyrepl.pager", "pipe_pager"),
    "GHSA-g38g-8gr9-h9xp (CVE-2026-56315) test.support": ("test.support.script_helper", "assert_python_ok"),
    # fickling
    "GHSA-565g-hwwr-4pp3 (CVE-2025-67747) marshal": ("marshal", "loads"),
    "GHSA-565g-hwwr-4pp3 (CVE-2025-67747) types": ("types", "FunctionType"),
    "GHSA-r7v6-mfhq-g3m2 (CVE-2025-67748)": ("pty", "spawn"),
    "GHSA-wfq2-52f7-7qvj (CVE-2026-22606)": ("runpy", "run_path"),
    "GHSA-p523-jq9w-64x9 (CVE-2026-22607)": ("cProfile", "run"),
    "GHSA-5hvc-6wx8-mvv4 (CVE-2026-22608) ctypes": ("ctypes", "CDLL"),
    "GHSA-5hvc-6wx8-mvv4 (CVE-2026-22608) pydoc": ("pydoc", "locate"),
    "GHSA-q5qq-mvfm-j35x (CVE-2026-22609) importlib": ("importlib", "import_module"),
    "GHSA-q5qq-mvfm-j35x (CVE-2026-22609) multiprocessing": ("multiprocessing.util", "spawnv_passfds"),
    "GHSA-h4rm-mm56-xf63 (CVE-2026-22612)": ("builtins", "__import__"),
    "GHSA-5hwf-rc88-82xm uuid": ("uuid", "_get_command_stdout"),
    "GHSA-5hwf-rc88-82xm _osx_support": ("_osx_support", "_find_build_tool"),
    "GHSA-5hwf-rc88-82xm _aix_support": ("_aix_support", "_read_cmd_output"),
    "GHSA-5j3x-jp52-966f": ("pathlib", "os.system"),
    "GHSA-cffv-grgg-g429": ("ast", "parse"),
    "GHSA-6ggj-6f2q-f7mx": ("_interpreters", "create"),
    "GHSA-6ggj-6f2q-f7mx before 3.13": ("_xxsubinterpreters", "create"),
    "GHSA-mhc9-48gj-9gp3 patch socketserver": ("socketserver", "TCPServer"),
    "GHSA-mhc9-48gj-9gp3 patch signal": ("signal", "raise_signal"),
    "GHSA-mhc9-48gj-9gp3 patch sqlite3": ("sqlite3", "connect"),
    "GHSA-mhc9-48gj-9gp3 patch compileall": ("compileall", "compile_file"),
    "GHSA-mhc9-48gj-9gp3 patch tarfile": ("tarfile", "TarFile.open"),
    "GHSA-r48f-3986-4f9c patch linecache": ("linecache", "getlines"),
    "GHSA-r48f-3986-4f9c patch gc": ("gc", "get_objects"),
    "GHSA-5cxw-w2xg-2m8h patch platform": ("platform", "_syscmd_ver"),
    "GHSA-m6fh-58r7-x697 patch _posixsubprocess": ("_posixsubprocess", "fork_exec"),
    "GHSA-m6fh-58r7-x697 patch atexit": ("atexit", "register"),
    "GHSA-m6fh-58r7-x697 patch site": ("site", "addsitedir"),
    "GHSA-pc6j-px3p-rrj4 patch unittest": ("unittest.mock", "_importer"),
    "GHSA-pc6j-px3p-rrj4 patch doctest": ("doctest", "debug_script"),
    # modelscan
    "modelscan pull request 339 http": ("http.client", "HTTPSConnection"),
    # seen in the wild or in the scanners' fixes, without an id
    "ensurepip.bootstrap": ("ensurepip", "bootstrap"),
    "numpy.testing runstring": ("numpy.testing._private.utils", "runstring"),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_a_published_gadget_is_never_ok(look: Look, case: str) -> None:
    module, name = CALLS[case]
    for data in (
        b"\x80\x02c" + f"{module}\n{name}\n".encode() + text("id") + b"\x85R.",
        b"\x80\x04" + named(module, name) + short("id") + b"\x85R.",
        b"\x80\x04" + named(module, name) + b"}b.",  # named and given a state, never called by the stream
    ):
        assert look(data).outcome in {"malicious", "review"}
    assert look(b"\x80\x04" + named(module, name) + short("id") + b"\x85R.").outcome == "malicious"


GETATTR = named("builtins", "getattr")
CRAFTED = {
    "GHSA-9gvj-pp9x-gcfr (CVE-2025-71325) STACK_GLOBAL of STRINGs": (b"S'os'\nS'system'\n\x93S'ls'\n\x85R.", "dangerous-call"),
    "picklescan commit d3273f4: a memo entry that is not there": (b"\x80\x04cos\nsystem\nVid\n\x85R0\x8c\x02os\x94h\x03h\x00\x93K\x42.", "dangerous-call"),
    "picklescan commit d3273f4: a name that is a number": (b"\x80\x04cos\nsystem\nVid\n\x85R0J\x2a\0\0\0\x94\x8c\x02os\x94h\x00h\x01\x93K\x42.", "dangerous-call"),
    "GHSA-97f8-7cmv-76j2 (CVE-2026-53875) the magic number comes from eval": (b"\x80\x02cbuiltins\neval\n" + text("0x1950a86a20f9469cfc6c") + b"\x85R.\x80\x02M\xe9\x03.\x80\x02}.", "dangerous-call"),
    "GHSA-mxhj-88fx-4pcv OBJ, then POP": (b"\x80\x04(" + named("smtplib", "SMTP") + short("127.0.0.1") + b"o0N.", "legacy-call"),
    "GHSA-mhc9-48gj-9gp3 REDUCE, then BUILD": (b"\x80\x04" + named("smtplib", "SMTP") + short("127.0.0.1") + b"\x85R}b.", "dangerous-call"),
    "GHSA-h4rm-mm56-xf63 (CVE-2026-22612) getattr of an import": (b"cbuiltins\n__import__\nS'os'\n\x85Rp0\n0cbuiltins\ngetattr\ng0\nS'system'\n\x86RS'id'\n\x85R.", "computed-call"),
    "GHSA-5hvc-6wx8-mvv4 (CVE-2026-22608) getattr of a library": (b"\x80\x05" + GETATTR + named("ctypes", "CDLL") + short("libc.so.6") + b"\x85R" + short("system") + b"\x86RC\x02id\x85R.", "computed-call"),
    "fickling pull request 108 OBJ of pty.spawn": (b"(cpty\nspawn\nS'id'\no.", "legacy-call"),
    "cpython issue 154848 an opcode longer than its frame": (b"\x80\x05\x95\x05" + b"\0" * 7 + b"B\x14\0\0\0" + b"A" * 20 + b".", "pickle-structure"),
    "modelscan issue 51 INST": (b"(S'print(1)'\ni__builtin__\nexec\n.", "legacy-call"),
    "modelscan issue 85 BUILD on a function, then its attributes as names": (
        b"\x80\x05cnumpy\nprod\nN(Va\nVos\nd\x86bN(Vb\nVsystem\nd\x86b0cnumpy\nprod.a\np0\ncnumpy\nprod.b\np1\n00g0\ng1\n\x93Vid\n\x85R.",
        "state-on-import",
    ),
    "modelscan issue 330 BUILD of numpy.size with its module's builtins": (
        b"\x80\x04" + named("numpy", "size") + b"\x940" + named("numpy", "__builtins__") + b"\x940h\x00}}" + short("shape") + b"h\x01s\x86bh\x00h\x00" + short("eval") + b"\x86R" + short("1") + b"\x85R.",
        "state-on-import",
    ),
    "modelscan issue 331 a module name that str.join makes": (
        b"\x80\x04" + named("importlib", "import_module") + b"\x940h\x00" + short("builtins") + b"\x85R\x940" + GETATTR + b"\x940h\x02h\x02h\x01" + short("str") + b"\x86R" + short("join") + b"\x86R" + short("") + b"](" + short("o") + short("s") + b"e\x86R\x93.",
        "computed-call",
    ),
    "imaginaryCTF 'safe pickle' (picklescan issue 22) names through the memo": (b"Vos\np2\n0Vsystem\np3\n0Vtorch\np0\n0VLongStorage\np1\n0g2\ng3\n\x93(Vid\ntR.", "dangerous-call"),
    "'Sour Pickles' (Black Hat 2011)": (b"c__builtin__\nglobals\n(tRp100\n0c__builtin__\ncompile\n(S'x=1'\nS''\nS'exec'\ntRp101\n0c__builtin__\neval\n(g101\ng100\ntR.", "dangerous-call"),
}  # fmt: skip


@pytest.mark.parametrize("case", CRAFTED)
def test_a_published_trick_with_opcodes_breaks_its_rule(look: Look, case: str) -> None:
    data, rule = CRAFTED[case]
    said = look(data)
    assert rule in said.rules and said.outcome in {"malicious", "review"}, said


PAYLOAD = b"\x80\x04" + named("os", "system") + short("id") + b"\x85R."


def zipped(member: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, data)
    return out.getvalue()


@pytest.mark.parametrize("name", ["model.bin", "model.txt", "weights", "x.jpg", "config.p"])
def test_cve_2025_1889_and_ghsa_jgw4_cr84_mqxg_the_ending_of_a_name_decides_nothing(look: Look, name: str) -> None:
    """CVE-2025-1889 (unusual endings), GHSA-jgw4-cr84-mqxg = CVE-2025-10155 (a pickle under a PyTorch ending)."""
    assert look(PAYLOAD, name).outcome == "malicious"
    assert look(zipped(name, PAYLOAD), "model.zip").outcome == "malicious"


def test_ghsa_mjqp_26hc_grxg_a_wrong_checksum_does_not_end_the_scan(look: Look) -> None:
    """GHSA-mjqp-26hc-grxg = CVE-2025-10156: PyTorch loads a member whose CRC is wrong."""
    data = zipped("m/data.pkl", PAYLOAD)
    said = look(data.replace(b"\x8c\x02id\x85", b"\x8c\x02ls\x85", 1), "m.pt")
    assert said.outcome == "malicious" and "dangerous-call" in said.rules, said


def test_ghsa_7q5r_7gvp_wc82_a_name_that_differs_between_the_headers(look: Look) -> None:
    """GHSA-7q5r-7gvp-wc82 = CVE-2025-1944: readers that compare the names stop, PyTorch does not."""
    data = zipped("data.pkl", PAYLOAD).replace(b"data.pkl", b"datap.kl", 1)
    said = look(data, "m.pt")
    assert said.outcome == "malicious" and said.rules >= {"archive-mismatch", "dangerous-call"}, said


def test_cve_2025_1945_an_encryption_flag_that_is_not_true_hides_nothing(look: Look) -> None:
    """CVE-2025-1945: bit 0 of the flags in both headers; the member is plain all the same."""
    data = bytearray(zipped("data.pkl", PAYLOAD))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    said = look(bytes(data), "m.pt")
    assert said.outcome == "malicious" and "dangerous-call" in said.rules, said
