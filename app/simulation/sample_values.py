"""This module lists the names, places and departments of the invented organization.

All its users are fictitious. The e-mail domains are example.com's (RFC 2606).
"""

# Given name, family name, and the mail nickname that an administrator would have derived from them.
NAMES = (
    ("Ada", "Lindqvist", "ada.lindqvist"),
    ("Jürgen", "Müller", "juergen.mueller"),
    ("Siobhán", "O'Brien", "siobhan.o'brien"),
    ("美咲", "佐藤", "misaki.sato"),
    ("Zoë", "van der Berg", "zoe.vanderberg"),
    ("José María", "Núñez-Ortega", "josemaria.nunez-ortega"),
    ("Łukasz", "Wiśniewski", "lukasz.wisniewski"),
    ("伟", "王", "wei.wang"),
    ("Anneliese", "Weiß", "anneliese.weiss"),
    ("D'Angelo", "Rossi", "d'angelo.rossi"),
    ("Nguyễn", "Thị Hạnh", "nguyen.hanh"),
    ("Søren", "Ægir", "soren.aegir"),
    ("민준", "김", "minjun.kim"),
    ("Fatima", "al-Haddad", "fatima.al-haddad"),
    ("Þóra", "Jónsdóttir", "thora.jonsdottir"),
    ("Ömer", "Yıldız", "omer.yildiz"),
    ("Chloé", "L'Écuyer", "chloe.l'ecuyer"),
    ("Ivana", "Čapková", "ivana.capkova"),
    ("Олена", "Коваль", "olena.koval"),
    ("Max", "R&D + Sons", "max.rd"),
)
NEW_FAMILY_NAMES = ("Brandstätter", "O'Malley-Groß", "Şahin", "Ó Dálaigh", "Müller-Lüdenscheidt")
TITLES = ("Analyst", "Engineer", "Head of Küche & Garten", "Ärztin", "主任", 'Editor "at large"', "C++ / C# developer")
DEPARTMENTS = ("Research", "Engines", "Vertrieb Süd", "Finance & Control", "法務部", "Site 42; east")
LANGUAGES = ("en-GB", "de-DE", "ja-JP", "pl-PL", "fr-CA")

# Office, street, city, region, postal code, country; "" where the directory has no value.
OFFICES = (
    ("18/2111", "12 St James's Square ", "London", "", "SW1Y 4JH", "GB"),
    ("A-3.07", "Mönckebergstraße 7", "Hamburg", "Hamburg", "20095", "DE"),
    ("", "1-2-3 丸の内", "東京", "千代田区", "100-0005", "JP"),
    ("Room 5 ", "", "Kraków", "", "", "PL"),
    ("", "", "", "", "", "CA"),
)
GROUP_NAMES = ("Editors", "Küchenteam", "R&D + Design", "Alle – Köln", "営業部", "O'Brien's", "On call", "50% Club")
