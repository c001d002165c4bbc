"""The 80 classes of COCO, and their groups for camera traps."""

# Lin et al., Microsoft COCO: Common Objects in Context, 2014; the order of its 80 classes.
CLASSES = tuple(
    """person;bicycle;car;motorcycle;airplane;bus;train;truck;boat;traffic light
fire hydrant;stop sign;parking meter;bench;bird;cat;dog;horse;sheep;cow;elephant
bear;zebra;giraffe;backpack;umbrella;handbag;tie;suitcase;frisbee;skis;snowboard
sports ball;kite;baseball bat;baseball glove;skateboard;surfboard;tennis racket
bottle;wine glass;cup;fork;knife;spoon;bowl;banana;apple;sandwich;orange
broccoli;carrot;hot dog;pizza;donut;cake;chair;couch;potted plant;bed
dining table;toilet;tv;laptop;mouse;remote;keyboard;cell phone;microwave;oven
toaster;sink;refrigerator;book;clock;vase;scissors;teddy bear;hair drier;toothbrush""".replace(
        "\n", ";"
    ).split(";")
)

GROUPS = ("animal", "person", "vehicle")

_VEHICLES = ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat")
_ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")

GROUP_OF = (
    {CLASSES.index(name): "animal" for name in _ANIMALS}
    | {CLASSES.index("person"): "person"}
    | {CLASSES.index(name): "vehicle" for name in _VEHICLES}
)
"""The group of a class index; the other classes are ignored."""
