//! Reads the C header as far as cbindgen writes it here, and fails on everything else: what is not understood would be missing
//! from the declarations that are generated from it.

/// `#define NAME value`.
pub(crate) struct Constant {
    pub(crate) name: String,
    pub(crate) value: i64,
}

/// `typedef struct { … } name;`
pub(crate) struct Structure {
    pub(crate) name: String,
    pub(crate) fields: Vec<Variable>,
}

/// `result name(parameters);`
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) result: String,
    pub(crate) parameters: Vec<Variable>,
}

/// A field or a parameter. The type is spelled as in `const char *` or `psat_queue_t **`.
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) kind: String,
}

#[derive(Default)]
pub(crate) struct Header {
    pub(crate) constants: Vec<Constant>,
    pub(crate) opaque: Vec<String>,
    pub(crate) structures: Vec<Structure>,
    pub(crate) functions: Vec<Function>,
}

pub(crate) fn read(text: &str) -> Header {
    let mut header = Header::default();
    let mut code = String::new();
    let mut for_cplusplus = false;
    for line in without_comments(text).lines() {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["#ifdef", "__cplusplus"] => for_cplusplus = true,
            ["#endif"] => for_cplusplus = false,
            _ if for_cplusplus => {}
            ["#ifndef" | "#define", "PSAT_ATTESTOR_H"] | ["#include", _] => {}
            ["#define", name, value] => header.constants.push(Constant {
                name: name.to_owned(),
                value: value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")),
            }),
            [first, ..] if first.starts_with('#') => panic!("the header has a line of a new form: {line}"),
            _ => {
                code.push_str(line);
                code.push('\n');
            }
        }
    }
    for statement in statements(&code) {
        header.add(&statement);
    }
    header
}

impl Header {
    fn add(&mut self, statement: &str) {
        if let Some(definition) = statement.strip_prefix("typedef struct {") {
            let (fields, name) = definition.split_once('}').expect("a structure ends");
            let fields = fields.split(';').map(str::trim).filter(|field| !field.is_empty());
            self.structures
                .push(Structure { name: name.trim().to_owned(), fields: fields.map(variable).collect() });
        } else if let Some(names) = statement.strip_prefix("typedef struct ") {
            let (tag, name) = names.split_once(' ').expect("a tag and a name");
            assert_eq!(tag, name, "an opaque type has one name");
            self.opaque.push(name.to_owned());
        } else {
            self.functions.push(function(statement));
        }
    }
}

fn function(statement: &str) -> Function {
    let (head, parameters) = statement
        .strip_suffix(')')
        .and_then(|rest| rest.split_once('('))
        .unwrap_or_else(|| panic!("the header has a statement of a new form: {statement}"));
    let Variable { name, kind } = variable(head);
    let parameters = match parameters {
        "void" => Vec::new(),
        some => some.split(',').map(str::trim).map(variable).collect(),
    };
    Function { name, result: kind, parameters }
}

/// `const char *name`: the name is what stands last.
fn variable(declaration: &str) -> Variable {
    let from = declaration.rfind([' ', '*']).unwrap_or_else(|| panic!("no name in: {declaration}")) + 1;
    let (kind, name) = declaration.split_at(from);
    let name_is_plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    assert!(name_is_plain, "a declaration of a new form: {declaration}");
    Variable { name: name.to_owned(), kind: kind.trim().to_owned() }
}

/// Splits at semicolons outside of braces, and makes all white space single spaces.
fn statements(code: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut depth = 0;
    for character in code.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if character == ';' && depth == 0 {
            found.push(String::new());
        } else {
            found.last_mut().expect("never empty").push(character);
        }
    }
    found
        .iter()
        .map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|statement| !statement.is_empty())
        .collect()
}

fn without_comments(text: &str) -> String {
    let mut rest = text;
    let mut code = String::new();
    while let Some(at) = rest.find("/*") {
        code.push_str(&rest[..at]);
        let end = rest[at..].find("*/").expect("a comment ends");
        rest = &rest[at + end + 2..];
    }
    code.push_str(rest);
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[test]
#[should_panic(expected = "a line of a new form: #if")]
fn a_new_directive_is_not_skipped() {
    read("#if 1\nint32_t psat_new(void);\n#endif\n");
}

#[test]
#[should_panic(expected = "a statement of a new form: typedef enum")]
fn a_new_kind_of_definition_is_not_skipped() {
    read("typedef enum { PSAT_ONE } psat_number_t;\n");
}

#[test]
#[should_panic(expected = "a declaration of a new form: int32_t numbers[4]")]
fn a_new_kind_of_field_is_not_skipped() {
    read("typedef struct { int32_t numbers[4]; } psat_numbers_t;\n");
}
