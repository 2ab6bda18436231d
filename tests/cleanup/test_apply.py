from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.restore import undo
from mlruns_tui.cleanup.vault import batches

def test_smoke(store, compare, rsync_differences, tmp_path):
    before = store.manifest()
    copy = store.twin(tmp_path/"copy")
    ev=[]
    b = apply(store.plan("1/"+"a"*32, "1/"+"c"*32, "2"), ev.append)
    print(b); print(ev)
    import subprocess; print(subprocess.run(["find", str(store.root),"-ls"],capture_output=True,text=True).stdout)
    print(batches(str(store.root)))
    r = undo(str(store.root))
    print(r)
    assert compare(before, store.manifest()) == []
    assert rsync_differences(copy, store.root) == []
