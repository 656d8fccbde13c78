"""Regular expressions: groups, look-around, substitution, Unicode and a large text."""
import re
import textwrap

print(re.findall(r"(\w+)@(\w+)\.(com|org)", "ann@site.com, bob@place.org; eve@x.net"))
print(re.sub(r"(?P<day>\d\d)/(?P<month>\d\d)", r"\g<month>-\g<day>", "on 31/12 and 01/02"))
print(re.split(r"\s*[,;]\s*", "a , b;c ;  d,e"), re.sub("x*", "-", "abxd"))
print(re.search(r"(?<=\$)\d+(?:\.\d\d)?(?!\d)", "costs $42.50 today").group())
print([m.span() for m in re.finditer(r"(a)(?:b(c))?", "abc a ab")])
print(re.match(r"(\d+)(?:px|em)?$", "12px").groups(), re.fullmatch(r"[a-f0-9]{4}", "12g4"))
print(re.findall(r"(?i)straße|\bé\w+", "STRASSE straße été École"))
print(re.sub(r"\b(\w)(\w*)\b", lambda m: m[1].upper() + m[2], "every word of this"))
verbose = re.compile(r"""
    ^ (?P<sign> [-+]? )        # an optional sign
    (?P<whole> \d+ )
    (?: \. (?P<rest> \d* ) )?  # a fraction
    $ """, re.VERBOSE)
for text in ("-12.5", "+7", "3.", ".5", "1e5"):
    found = verbose.match(text)
    print(text, found and found.groupdict())
print(re.compile(r"(a|ab)(c|bcd)(d*)").match("abcd").groups())
large = " ".join(f"key{i}=value{i * 37 % 1000};" for i in range(20000))
pairs = re.findall(r"(\w+)=(\w+)", large)
print(len(pairs), pairs[12345], sum(len(v) for _, v in pairs), len(re.sub(r"\d+", "#", large)))
print(re.match(r"(x+x+)+y", "x" * 18))
try:
    re.compile(r"(unclosed[")
except re.error as error:
    print("error:", error)
print(textwrap.fill(" ".join(["lorem", "ipsum", "dolor"] * 12), 40))
