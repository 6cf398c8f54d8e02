"""Places and names of the demo's four countries; weights are rough populations in thousands."""

from typing import NamedTuple


class City(NamedTuple):
    name: str
    region: str
    country: str
    weight: int


CITIES = (
    City("Oslo", "Oslo", "Norway", 1090),
    City("Bergen", "Vestland", "Norway", 270),
    City("Stavanger", "Rogaland", "Norway", 235),
    City("Trondheim", "Trøndelag", "Norway", 195),
    City("Drammen", "Buskerud", "Norway", 120),
    City("Fredrikstad", "Østfold", "Norway", 118),
    City("Kristiansand", "Agder", "Norway", 66),
    City("Tromsø", "Troms", "Norway", 42),
    City("Ålesund", "Møre og Romsdal", "Norway", 55),
    City("Bodø", "Nordland", "Norway", 43),
    City("Hamar", "Innlandet", "Norway", 29),
    City("Stockholm", "Stockholm", "Sweden", 1620),
    City("Gothenburg", "Västra Götaland", "Sweden", 610),
    City("Malmö", "Skåne", "Sweden", 340),
    City("Uppsala", "Uppsala", "Sweden", 167),
    City("Västerås", "Västmanland", "Sweden", 128),
    City("Örebro", "Örebro", "Sweden", 127),
    City("Linköping", "Östergötland", "Sweden", 116),
    City("Helsingborg", "Skåne", "Sweden", 114),
    City("Jönköping", "Jönköping", "Sweden", 102),
    City("Norrköping", "Östergötland", "Sweden", 98),
    City("Umeå", "Västerbotten", "Sweden", 92),
    City("Sundsvall", "Västernorrland", "Sweden", 59),
    City("Luleå", "Norrbotten", "Sweden", 49),
    City("Copenhagen", "Hovedstaden", "Denmark", 1380),
    City("Aarhus", "Midtjylland", "Denmark", 290),
    City("Odense", "Syddanmark", "Denmark", 183),
    City("Aalborg", "Nordjylland", "Denmark", 121),
    City("Esbjerg", "Syddanmark", "Denmark", 72),
    City("Randers", "Midtjylland", "Denmark", 64),
    City("Kolding", "Syddanmark", "Denmark", 62),
    City("Roskilde", "Sjælland", "Denmark", 53),
    City("Herning", "Midtjylland", "Denmark", 51),
    City("Næstved", "Sjælland", "Denmark", 45),
    City("Helsinki", "Uusimaa", "Finland", 670),
    City("Espoo", "Uusimaa", "Finland", 310),
    City("Tampere", "Pirkanmaa", "Finland", 255),
    City("Vantaa", "Uusimaa", "Finland", 245),
    City("Oulu", "Pohjois-Pohjanmaa", "Finland", 214),
    City("Turku", "Varsinais-Suomi", "Finland", 202),
    City("Jyväskylä", "Keski-Suomi", "Finland", 147),
    City("Kuopio", "Pohjois-Savo", "Finland", 124),
    City("Lahti", "Päijät-Häme", "Finland", 121),
)

COUNTRIES = tuple(dict.fromkeys(city.country for city in CITIES))

_WOMEN = {
    "Norway": "Anne Inger Kari Marit Ingrid Liv Eva Berit Astrid Bjørg Hilde Marianne Solveig Randi Ida Nora "
    "Emma Thea Maria Silje Hanne Camilla Linda Heidi Tone Kristin Julie Sara Malin Guro",
    "Sweden": "Anna Eva Maria Karin Kristina Lena Sara Kerstin Emma Ingrid Malin Elin Birgitta Linnea Jenny "
    "Hanna Marie Susanne Ulla Annika Ida Johanna Sofia Julia Maja Astrid Agnes Helena Åsa Gunilla",
    "Denmark": "Anne Kirsten Mette Hanne Anna Helle Susanne Lene Maria Marianne Inge Karen Lone Bente Camilla "
    "Pia Louise Charlotte Jette Tina Gitte Ida Emma Sofie Freja Laura Mathilde Line Julie Signe",
    "Finland": "Tuula Anne Päivi Anna Ritva Leena Pirjo Sari Minna Marja Tiina Riitta Pirkko Eeva Laura Heidi "
    "Hanna Johanna Kaisa Katja Sanna Mari Elina Jenni Noora Emma Aino Helmi Outi Satu",
}
_MEN = {
    "Norway": "Jan Per Bjørn Ole Lars Kjell Knut Arne Svein Thomas Hans Geir Tor Terje Morten Erik Martin "
    "Andreas Jon Rune Trond Tore Kristian Daniel Marius Magnus Henrik Sondre Jonas Håkon",
    "Sweden": "Lars Mikael Anders Johan Erik Per Peter Karl Thomas Jan Daniel Fredrik Andreas Hans Bengt "
    "Mats Stefan Mattias Magnus Marcus Jonas Niklas Björn Oskar Viktor Gustav Emil Henrik Nils Axel",
    "Denmark": "Peter Michael Lars Thomas Jens Henrik Søren Christian Martin Jan Morten Jesper Anders Niels "
    "Mads Rasmus Per Hans Jørgen Kim Torben Frederik Mikkel Emil Christoffer Ole Steen Kasper Simon Bo",
    "Finland": "Juha Timo Matti Kari Mikko Jari Antti Jukka Mika Markku Pekka Hannu Heikki Seppo Janne Sami "
    "Ari Ville Marko Petri Lauri Jani Teemu Jussi Tuomas Eero Olli Aleksi Joonas Esa",
}
_SURNAMES = {
    "Norway": "Hansen Johansen Olsen Larsen Andersen Pedersen Nilsen Kristiansen Jensen Karlsen Johnsen "
    "Pettersen Eriksen Berg Haugen Hagen Johannessen Andreassen Jacobsen Dahl Halvorsen Jørgensen Lund "
    "Henriksen Sørensen Strand Solberg Moen Bakken Eide Lie Iversen Svendsen Knutsen Myhre Rønning Aas Vik",
    "Sweden": "Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Persson Svensson Gustafsson "
    "Pettersson Jonsson Jansson Hansson Bengtsson Jönsson Lindberg Jakobsson Magnusson Lindström Olofsson "
    "Lindqvist Lindgren Berg Axelsson Bergström Lundberg Lind Lundgren Lundqvist Mattsson Berglund Sandberg "
    "Forsberg Sjöberg Wallin Engström Eklund Nyström Åberg",
    "Denmark": "Nielsen Jensen Hansen Andersen Pedersen Christensen Larsen Sørensen Rasmussen Jørgensen "
    "Petersen Madsen Kristensen Olsen Thomsen Christiansen Poulsen Johansen Møller Mortensen Knudsen "
    "Mikkelsen Jakobsen Frederiksen Laursen Lund Holm Schmidt Eriksen Kjær Simonsen Clausen Bach Dam Friis",
    "Finland": "Korhonen Virtanen Mäkinen Nieminen Mäkelä Hämäläinen Laine Heikkinen Koskinen Järvinen "
    "Lehtonen Lehtinen Saarinen Salminen Heinonen Niemi Heikkilä Kinnunen Salonen Turunen Salo Laitinen "
    "Tuominen Rantanen Karjalainen Jokinen Mattila Savolainen Lahtinen Ahonen Ojala Leppänen Hiltunen "
    "Väisänen Aaltonen Pitkänen Kallio Manninen",
}

# One list per country, in the order of COUNTRIES: names are drawn by country number.
WOMEN = tuple(tuple(_WOMEN[country].split()) for country in COUNTRIES)
MEN = tuple(tuple(_MEN[country].split()) for country in COUNTRIES)
SURNAMES = tuple(tuple(_SURNAMES[country].split()) for country in COUNTRIES)
