"""What the interop tests write and expect to read, as Yjs code: one sample for each thing that a
document can hold. Each ends up in its own root type, so that all can share a document."""

from __future__ import annotations

from dataclasses import dataclass

from tests.interop.peers import BigInt


@dataclass(frozen=True, slots=True)
class Sample:
    """`write` is run in one transaction; the expression `read` then has the value `value`."""

    name: str
    write: str
    read: str
    value: object


RICH_TEXT = [{"insert": "Depot "}, {"insert": "Süd", "attributes": {"bold": True}}, {"insert": "\n"}]

SAMPLES = (
    Sample(
        "map",
        "const m = doc.getMap('map'); m.set('text', 'x'); m.set('int', 7); m.set('half', 0.5)",
        "doc.getMap('map').toJSON()",
        {"text": "x", "int": 7, "half": 0.5},
    ),
    Sample(
        "map-with-a-deleted-key",
        "const m = doc.getMap('kept'); m.set('old', 1); m.set('new', null); m.delete('old')",
        "doc.getMap('kept').toJSON()",
        {"new": None},
    ),
    Sample(
        "array",
        "const a = doc.getArray('array'); a.push([1, 'two', true, null]); a.insert(1, [[2.5]]); a.delete(0)",
        "doc.getArray('array').toJSON()",
        [[2.5], "two", True, None],
    ),
    Sample(
        "text",
        "doc.getText('text').applyDelta("
        "[{insert: 'Depot '}, {insert: 'Süd', attributes: {bold: true}}, {insert: '\\n'}])",
        "doc.getText('text').toDelta()",
        RICH_TEXT,
    ),
    Sample(
        "text-with-an-embed",
        "doc.getText('embed').insert(0, 'ab'); doc.getText('embed').insertEmbed(1, {image: 'truck.png'})",
        "doc.getText('embed').toDelta()",
        [{"insert": "a"}, {"insert": {"image": "truck.png"}}, {"insert": "b"}],
    ),
    Sample(
        "xml",
        "const p = new Y.XmlElement('p'); p.setAttribute('class', 'note');"
        "p.insert(0, [new Y.XmlText('hello')]); doc.getXmlFragment('xml').insert(0, [p])",
        "doc.getXmlFragment('xml').toString()",
        '<p class="note">hello</p>',
    ),
    Sample(
        "xml-hook",
        "const h = new Y.XmlHook('map-widget'); h.set('zoom', 9); doc.getXmlFragment('hook').insert(0, [h])",
        "[doc.getXmlFragment('hook').get(0)].map((h) => [h?.constructor.name, h?.hookName, h?.get('zoom')])",
        [["YXmlHook", "map-widget", 9]],
    ),
    Sample(
        "nested-types",
        "const row = new Y.Map(); doc.getMap('rows').set('truck', row); row.set('stops', new Y.Array());"
        "row.get('stops').push([new Y.Text('Linz'), new Y.Map([['km', 12]])])",
        "doc.getMap('rows').toJSON()",
        {"truck": {"stops": ["Linz", {"km": 12}]}},
    ),
    Sample(
        "binary",
        "doc.getMap('binary').set('blob', new Uint8Array([0, 1, 127, 128, 255]));"
        "doc.getMap('binary').set('empty', new Uint8Array(0))",
        "doc.getMap('binary').toJSON()",
        {"blob": bytes([0, 1, 127, 128, 255]), "empty": b""},
    ),
    Sample(
        "big-int",
        "const m = doc.getMap('big'); m.set('id', 9007199254740993n); m.set('small', 5n);"
        "m.set('low', -(2n ** 63n))",
        "doc.getMap('big').toJSON()",
        {"id": BigInt(9007199254740993), "small": BigInt(5), "low": BigInt(-(2**63))},
    ),
    Sample(
        "plain-objects",
        "doc.getMap('json').set('o', {list: [1, {deep: 'ü'}], none: null, big: 2 ** 40, minus: -0.25})",
        "doc.getMap('json').toJSON()",
        {"o": {"list": [1, {"deep": "ü"}], "none": None, "big": 2**40, "minus": -0.25}},
    ),
    Sample(
        "beyond-ascii",
        "doc.getMap('größe 🚚').set('ключ', '卡车 🚛 é\\u0000'); doc.getText('🚚').insert(0, '🚛🚛')",
        "[doc.getMap('größe 🚚').toJSON(), doc.getText('🚚').toString()]",
        [{"ключ": "卡车 🚛 é\x00"}, "🚛🚛"],
    ),
    Sample(
        "subdocument",
        "doc.getMap('subs').set('child', new Y.Doc({guid: 'track/7', autoLoad: true}))",
        "[...doc.getSubdocs()].map((d) => d.guid)",
        ["track/7"],
    ),
)
