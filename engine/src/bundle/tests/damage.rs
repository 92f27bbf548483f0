//! Properties 2 and 3: damage is noticed, and never met with a panic.

use super::*;

#[test]
fn one_flipped_byte_anywhere_is_refused() {
    let world = small();
    let bundle = world.write("bundle").unwrap();
    for path in files(&bundle) {
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 40 + 1).chain([whole.len() - 1]) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, bytes).unwrap();
            let message = refusal(&bundle);
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(message.contains(name) || name == MANIFEST_CHECKSUM, "byte {at} of {name}: {message}");
        }
        fs::write(&path, whole).unwrap();
    }
    Bundle::open(&bundle).unwrap();
}

#[test]
fn files_cut_short_missing_or_foreign_are_refused() {
    let bundle = small().write_and_keep();
    for path in files(bundle.path()) {
        let whole = fs::read(&path).unwrap();
        for bytes in [&whole[..0], &whole[..whole.len() / 2], &whole[..whole.len() - 1], b"GIF89a and so on"] {
            fs::write(&path, bytes).unwrap();
            assert!(refusal(bundle.path()).contains("manifest") || refusal(bundle.path()).contains(".bin"));
        }
        fs::remove_file(&path).unwrap();
        let message = refusal(bundle.path());
        assert!(message.contains("missing") || message.contains("it has no manifest.json"), "{message}");
        fs::write(&path, whole).unwrap();
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Bundle::open(empty.path()), Err(EngineError::NotABundle { .. })));
    assert!(matches!(Bundle::open(&empty.path().join("nowhere")), Err(EngineError::NotABundle { .. })));
}

/// Makes the checksums of a bundle fit whatever its files hold now.
fn forge_checksums(bundle: &Path) {
    let path = bundle.join(MANIFEST);
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (name, entry) in manifest["files"].as_object_mut().unwrap() {
        let bytes = fs::read(bundle.join(name)).unwrap();
        *entry = serde_json::json!({"bytes": bytes.len(), "xxh3": hex(xxh3_64(&bytes))});
    }
    forge_manifest(bundle, &manifest);
}

#[test]
fn forged_checksums_cannot_make_it_panic() {
    let bundle = small().write_and_keep();
    let (mut refused, mut opened) = (0, 0);
    for path in files(bundle.path()).iter().filter(|path| path.extension().is_some_and(|end| end == "bin")) {
        let whole = fs::read(path).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 60 + 1) {
            let mut bytes = whole.clone();
            bytes[at] ^= if at % 2 == 0 { 0xff } else { 1 };
            fs::write(path, bytes).unwrap();
            forge_checksums(bundle.path());
            match Bundle::open(bundle.path()) {
                Ok(bundle) => {
                    use_everything(&bundle);
                    opened += 1;
                }
                Err(EngineError::Damaged { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        fs::write(path, whole).unwrap();
    }
    assert!(refused > 20 && opened > 20, "{refused} refused, {opened} opened");
}

#[test]
fn a_forged_manifest_cannot_make_it_panic() {
    let bundle = small().write_and_keep();
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(bundle.path().join(MANIFEST)).unwrap()).unwrap();
    for number in [0u64, 1, 2, 7, 65, u64::from(u32::MAX), u64::MAX] {
        for (part, field) in [
            ("shapes", "users"),
            ("shapes", "products"),
            ("shapes", "dim"),
            ("shapes", "groups"),
            ("index", "ef"),
            ("index", "links"),
        ] {
            let mut forged = manifest.clone();
            forged[part][field] = number.into();
            forge_manifest(bundle.path(), &forged);
            if let Ok(bundle) = Bundle::open(bundle.path()) {
                use_everything(&bundle);
            }
        }
    }
    let mut forged = manifest.clone();
    forged["files"]["../elsewhere"] = forged["files"]["users.bin"].clone();
    forge_manifest(bundle.path(), &forged);
    assert!(refusal(bundle.path()).contains("no name of a file"));
}

#[test]
fn another_version_says_what_to_do() {
    let bundle = small().write_and_keep();
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(bundle.path().join(MANIFEST)).unwrap()).unwrap();
    for (version, advice) in [(FORMAT_VERSION - 1, "train the bundle anew"), (FORMAT_VERSION + 1, "update the program")]
    {
        manifest["format_version"] = version.into();
        forge_manifest(bundle.path(), &manifest);
        assert!(refusal(bundle.path()).contains(advice));
    }
}

#[test]
fn files_of_the_caller_are_checked_too() {
    let world = small();
    let out = world.folder.path().join("bundle");
    let serving = ServingModel::default();
    let add = |folder: &Path| fs::write(folder.join("note.txt"), "hello").map_err(EngineError::io(folder));
    let manifest = write_with(&out, &world.source(&serving), add).unwrap();
    assert_eq!(manifest.files["note.txt"].bytes, 5);
    fs::write(out.join("note.txt"), "jello").unwrap();
    assert!(refusal(&out).contains("note.txt"));
    Bundle::open_unverified(&out).unwrap();
}
