"""What the keys of the operator's page say in a Joy, whatever joystick a lab has set up.

    the page's Stick -> Joy with frame_id PAGE -> Teleop, which reads it by this layout

The gripper is an axis: a lab's deadman and intervention may be any button.
"""

PAGE = 'moto_page'  # Joy.header.frame_id of its words
HAND = (1, 0, 4, 6, 7, 3)  # places in Joy.axes of the hand's x, y, z and its turns about them
GRIP = 8  # place in Joy.axes: 1 opens, -1 closes
AXES = 9
