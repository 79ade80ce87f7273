//! What is asked for, what is made of the answers, and that a lying server costs little.

use super::super::Format;
use super::*;

const MOOD: Oid = 100_001;
const MOODS: Oid = 100_002;
const PET: Oid = 100_003;
const AGE: Oid = 100_004;
const SPAN: Oid = 100_005;
const SPANS: Oid = 100_006;
const VECTOR: Oid = 100_007;
const PRICED: Oid = 100_008;

const INT4: Oid = 23;
const TEXT: Oid = 25;
const MONEY: Oid = 790;
const INT4_ARRAY: Oid = 1007;

fn entry(oid: Oid, name: &str, made_of: MadeOf) -> Entry {
    Entry {
        oid,
        schema: "app".into(),
        name: name.into(),
        full_name: format!("app.{name}").into(),
        delimiter: b',',
        made_of,
    }
}

fn composite(fields: &[(&str, Oid)]) -> MadeOf {
    MadeOf::Composite(
        fields
            .iter()
            .map(|(name, oid)| ((*name).into(), *oid))
            .collect(),
    )
}

fn labels() -> MadeOf {
    MadeOf::Enum(["sad", "happy"].map(Box::from).into())
}

fn entries() -> Vec<Entry> {
    vec![
        entry(MOOD, "mood", labels()),
        entry(MOODS, "_mood", MadeOf::Array(MOOD)),
        entry(
            PET,
            "pet",
            composite(&[("name", TEXT), ("moods", MOODS), ("age", AGE)]),
        ),
        entry(AGE, "age", MadeOf::Domain(INT4)),
        entry(SPAN, "span", MadeOf::Range(AGE)),
        entry(SPANS, "spans", MadeOf::Multirange(AGE)),
        entry(VECTOR, "vector", MadeOf::Base),
        entry(PRICED, "priced", composite(&[("price", MONEY)])),
    ]
}

fn informed() -> Catalog {
    let catalog = Catalog::new();
    catalog.learn(catalog.epoch(), entries(), false);
    catalog
}

fn resolve(catalog: &Catalog, oid: Oid) -> (Option<Arc<Type>>, Missing) {
    let mut missing = Missing::default();
    let found = catalog.resolve(oid, &Customs::new(), &HashSet::new(), &mut missing);
    (found, missing)
}

fn known(catalog: &Catalog, oid: Oid) -> Arc<Type> {
    let (found, missing) = resolve(catalog, oid);
    assert!(missing.is_empty(), "{missing:?}");
    found.expect("a type that is not the server's own")
}

#[test]
fn servers_own_types_are_not_asked_for() {
    for oid in [INT4, TEXT, INT4_ARRAY, MONEY] {
        let (found, missing) = resolve(&Catalog::new(), oid);
        assert!(found.is_none() && missing.is_empty(), "{oid}");
        assert!(is_own(oid));
    }
}

#[test]
fn unknown_type_is_asked_for_and_text_until_then() {
    let (found, missing) = resolve(&Catalog::new(), MOODS);
    assert!(matches!(found.unwrap().shape, Shape::Plain(Kind::Other)));
    assert_eq!((missing.oids, missing.all), (vec![MOODS], false));
}

#[test]
fn parts_are_asked_for_step_by_step() {
    let catalog = Catalog::new();
    for (learnt, expected) in [
        (&[][..], &[PET][..]),
        (&[PET], &[MOODS, AGE]),
        (&[PET, MOODS, AGE], &[MOOD]),
        (&[PET, MOODS, AGE, MOOD], &[]),
    ] {
        let entries = entries()
            .into_iter()
            .filter(|entry| learnt.contains(&entry.oid));
        catalog.learn(catalog.epoch(), entries.collect(), false);
        assert_eq!(resolve(&catalog, PET).1.oids, expected);
    }
}

#[test]
fn types_are_what_they_are_made_of() {
    let catalog = informed();
    assert!(matches!(&known(&catalog, MOOD).shape, Shape::Enum(labels) if labels.len() == 2));
    let age = known(&catalog, AGE);
    assert!(matches!(&age.shape, Shape::Domain(base) if base.oid == INT4));
    assert!(matches!(age.base().shape, Shape::Plain(Kind::Int4)));
    let names = [&*age.schema, &*age.name, &*age.full_name];
    assert_eq!(names, ["app", "age", "app.age"]);
    for (oid, name) in [(MOODS, "app.mood"), (SPAN, "app.age"), (SPANS, "app.age")] {
        let inner = match &known(&catalog, oid).shape {
            Shape::Array(inner) | Shape::Range(inner) | Shape::Multirange(inner) => {
                Arc::clone(inner)
            }
            _ => panic!("{oid} is of nothing"),
        };
        assert_eq!(&*inner.full_name, name);
    }
    let pet = known(&catalog, PET);
    let Shape::Composite(fields) = &pet.shape else {
        panic!("no composite");
    };
    let names: Vec<_> = fields.iter().map(|field| &*field.name).collect();
    assert_eq!(names, ["name", "moods", "age"]);
    assert_eq!(pet.format(), Format::Binary);
}

#[test]
fn extensions_types_are_told_by_their_names() {
    let shape = &known(&informed(), VECTOR).shape;
    assert!(matches!(shape, Shape::Plain(kind) if *kind == Kind::of_extension("vector")));
    assert_ne!(Kind::of_extension("vector"), Kind::Other);
}

#[test]
fn composite_with_a_part_in_text_form_is_text() {
    let priced = known(&informed(), PRICED);
    assert!(matches!(priced.shape, Shape::Plain(Kind::Other)));
    assert_eq!(priced.format(), Format::Text);
}

#[test]
fn what_does_not_exist_is_text_and_not_asked_for_again() {
    let mut missing = Missing::default();
    let absent = HashSet::from([MOODS]);
    let found = Catalog::new().resolve(MOODS, &Customs::new(), &absent, &mut missing);
    assert!(matches!(found.unwrap().shape, Shape::Plain(Kind::Other)));
    assert!(missing.is_empty());
}

#[test]
fn record_needs_all_types_once() {
    let catalog = Catalog::new();
    assert!(resolve(&catalog, RECORD).1.all);
    catalog.learn(catalog.epoch(), entries(), true);
    let Shape::Record(types) = &known(&catalog, RECORD).shape else {
        panic!("no record");
    };
    assert_eq!(types.len(), entries().len());
    assert!(!is_own(RECORD));
}

#[test]
fn codec_of_the_host_reaches_into_arrays_and_its_removal_too() {
    let customs: Customs = HashMap::from([(INT4, (Format::Text, Arc::new(()) as Arc<_>))]);
    let catalog = informed();
    let of = |customs: &Customs, oid| {
        catalog.resolve(oid, customs, &HashSet::new(), &mut Missing::default())
    };
    let array = of(&customs, INT4_ARRAY).expect("the host has a hand in it");
    assert_eq!(array.format(), Format::Text);
    assert!(matches!(&array.shape, Shape::Array(of) if matches!(of.shape, Shape::Custom(_))));
    // A number in text form fits into no composite in binary form.
    let age = of(&customs, AGE).unwrap();
    assert!(matches!(&age.base().shape, Shape::Custom(_)));
    assert!(matches!(
        of(&customs, PET).unwrap().shape,
        Shape::Plain(Kind::Other)
    ));
    assert!(of(&Customs::new(), INT4_ARRAY).is_none());
}

#[test]
fn answer_that_comes_after_a_change_is_of_no_use() {
    let catalog = Catalog::new();
    let epoch = catalog.epoch();
    catalog.forget();
    catalog.learn(epoch, entries(), true);
    assert_eq!(resolve(&catalog, MOOD).1.oids, [MOOD]);
    assert!(resolve(&catalog, RECORD).1.all);
}

#[test]
fn what_was_forgotten_is_asked_for_again() {
    let catalog = informed();
    let before = catalog.epoch();
    catalog.forget();
    assert_ne!(catalog.epoch(), before);
    assert_eq!(resolve(&catalog, PET).1.oids, [PET]);
}

/// Were each mention followed, 40 levels of 40 fields would be made 40^32 times.
#[test]
fn types_that_mention_others_many_times_are_made_once() {
    let level = |depth: u32| {
        let fields: Vec<_> = (0..40).map(|_| ("f", 200_001 + depth)).collect();
        entry(200_000 + depth, "level", composite(&fields))
    };
    let catalog = Catalog::new();
    let mut levels: Vec<_> = (0..40).map(level).collect();
    levels.push(entry(200_040, "last", labels()));
    catalog.learn(catalog.epoch(), levels, true);
    known(&catalog, 200_000);
    known(&catalog, RECORD);
}

#[test]
fn type_that_says_it_is_part_of_itself_ends() {
    let itself: Vec<_> = (0..40).map(|_| ("f", PET)).collect();
    let liars = vec![
        entry(PET, "pet", composite(&itself)),
        entry(MOODS, "moods", MadeOf::Array(MOODS)),
        entry(AGE, "age", MadeOf::Domain(SPAN)),
        entry(SPAN, "span", MadeOf::Range(AGE)),
    ];
    let catalog = Catalog::new();
    catalog.learn(catalog.epoch(), liars, false);
    for oid in [PET, MOODS, AGE, SPAN] {
        assert_eq!(known(&catalog, oid).oid, oid);
    }
}

#[test]
fn what_a_host_makes_of_a_type_is_made_once() {
    let pet = known(&informed(), PET);
    let make = |number: u8| pet.made(|| Ok::<_, ()>(number));
    assert_eq!(pet.made(|| Err::<u8, _>(())), Err(()));
    assert_eq!(*make(1).unwrap(), 1);
    assert_eq!(*make(2).unwrap(), 1);
}

#[test]
fn composite_with_other_fields_than_known_does_not_fit() {
    let catalog = informed();
    let (pet, moods) = (known(&catalog, PET), known(&catalog, MOODS));
    assert!(pet.may_change() && !moods.may_change());
    let row = |oids: &[Oid]| {
        let mut out = bytes::BytesMut::new();
        let mut writer = crate::codec::CompositeWriter::begin(oids.len(), &mut out).unwrap();
        oids.iter().for_each(|oid| writer.null(*oid).unwrap());
        writer.finish().unwrap();
        out
    };
    assert!(pet.fits(&row(&[TEXT, MOODS, AGE])));
    assert!(!pet.fits(&row(&[TEXT, MOODS])));
    assert!(!pet.fits(&row(&[TEXT, MOODS, INT4])));
}

#[test]
fn doubted_type_is_asked_for_again_once() {
    let catalog = informed();
    let (mood, pet) = (known(&catalog, MOOD), known(&catalog, PET));
    let before = catalog.epoch();
    mood.doubt();
    assert_eq!(catalog.epoch(), before + 1);
    assert_eq!(resolve(&catalog, MOOD).1.oids, [MOOD]);
    // Of the same answer: nothing that was learnt since is forgotten.
    catalog.learn(catalog.epoch(), entries(), false);
    pet.doubt();
    assert_eq!(catalog.epoch(), before + 1);
    known(&catalog, MOOD).doubt();
    assert_eq!(catalog.epoch(), before + 2);
    Type::plain(TEXT, Kind::Text).doubt();
    assert_eq!(catalog.epoch(), before + 2);
}
