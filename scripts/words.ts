/** Words for passwords that people read and type: 256 of them, so that one word is eight bits of chance. */
export const words: readonly string[] = `
  acorn amber anchor apple april arrow aspen atlas autumn badger bamboo banjo barley basil basin beacon beaver berry
  birch bishop blanket blossom bonnet border bottle bramble branch brass bridge bronze brook bucket butter button
  cabin cactus candle canoe canvas canyon captain carbon cargo carpet carrot castle cedar cellar chalk cherry chimney
  cider cinder circle citrus clover cobalt coffee comet copper coral cotton cousin cradle crane crater cricket crimson
  crystal curtain cypress daisy delta desert diamond dolphin donkey dragon drift eagle ebony echo ember emerald engine
  fabric falcon farmer feather fennel fern fiddle field finch flame flannel flint forest fossil fountain galaxy garden
  garlic garnet ginger glacier goblet granite grape gravel guitar hammer harbor harvest hazel heather hedge heron
  hickory hollow honey horizon hornet indigo island ivory jacket jasmine jasper jigsaw jungle juniper kettle kitten
  ladder lagoon lantern larch laurel lemming lemon lentil lilac linen lizard lobster locust lotus lumber magnet magpie
  mango maple marble marsh meadow melon meteor mirror mitten monsoon mosaic mountain mustard myrtle nectar needle
  nettle nickel nutmeg oasis ocean olive onion opal orange orbit orchard orchid osprey otter oyster paddle panther
  papaya parcel parsley pebble pecan pelican pepper pewter picnic pigeon pigment pillow pine planet plum pocket pollen
  pond poplar poppy prairie puffin pumpkin quartz quill rabbit radish raven reef ribbon ridge river robin rocket
  rosemary saddle saffron salmon sandal sapphire satin saturn sequoia shadow shell silver sparrow spruce stable summit
  sunset tangerine teapot thistle thunder timber trumpet tulip turnip valley velvet violet violin walnut walrus weasel
  willow window winter yarrow zephyr zinnia
`
  .trim()
  .split(/\s+/)
